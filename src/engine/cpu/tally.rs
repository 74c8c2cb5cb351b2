//! Arg-max against the label; the lowest class wins a tie. Twin of `shaders/tally.wgsl`.

/// The class with the largest logit.
pub fn predicted_class(logits: &[u32]) -> u32 {
    let mut best = 0;
    for class in 1..logits.len() {
        if logits[class] > logits[best] {
            best = class;
        }
    }
    best as u32
}

/// True if the image is classified as labelled.
pub fn is_correct(logits: &[u32], label: u32) -> bool {
    predicted_class(logits) == label
}

#[cfg(test)]
mod tests {
    #[test]
    fn ties_go_to_the_lowest_class() {
        assert_eq!(super::predicted_class(&[3, 7, 7, 1]), 1);
    }
}
