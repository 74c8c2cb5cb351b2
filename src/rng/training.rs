//! Random numbers of a training: a function of the seed and of what they are for, never of an order or a thread, so that
//! a training that was interrupted goes on as if it had not been.

use super::philox4x32;

/// What a random number is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// The order of the images of an epoch.
    Order = 1,
    /// How an image is cropped and turned.
    Augment = 2,
    /// The errors of the cells of a step.
    Cells = 3,
}

/// The last word of the counter, which keeps these numbers apart from all others of the program.
const TRAINING: u32 = u32::MAX - 1;

/// Four random words for the thing `index` in round `round` (an epoch, or a step).
pub fn words(seed: u64, purpose: Purpose, round: u32, index: u32) -> [u32; 4] {
    philox4x32([index, round, purpose as u32, TRAINING], [seed as u32, (seed >> 32) as u32])
}

/// A number below `bound` from a word.
pub fn below(word: u32, bound: usize) -> usize {
    ((u64::from(word) * bound as u64) >> 32) as usize
}

/// The order of `count` images in an epoch.
pub fn order(seed: u64, epoch: u32, count: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    for i in (1..count).rev() {
        let [word, ..] = words(seed, Purpose::Order, epoch, i as u32);
        order.swap(i, below(word, i + 1));
    }
    order
}

/// Four standard normal numbers from four words (Box and Muller).
pub fn normals(words: [u32; 4]) -> [f32; 4] {
    let uniform = |word: u32| (f64::from(word) + 0.5) / 4_294_967_296.0;
    let pair = |a: u32, b: u32| {
        let (radius, angle) = ((-2.0 * libm::log(uniform(a))).sqrt(), 2.0 * std::f64::consts::PI * uniform(b));
        [(radius * libm::cos(angle)) as f32, (radius * libm::sin(angle)) as f32]
    };
    let ([a, b], [c, d]) = (pair(words[0], words[1]), pair(words[2], words[3]));
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_holds_every_image_once() {
        let mut first = order(3, 0, 1000);
        assert_ne!(first, order(3, 1, 1000));
        assert_eq!(first, order(3, 0, 1000));
        first.sort_unstable();
        assert_eq!(first, (0..1000).collect::<Vec<u32>>());
    }

    #[test]
    fn normals_have_mean_0_and_variance_1() {
        let all: Vec<f64> = (0..10_000).flat_map(|i| normals(words(1, Purpose::Cells, 0, i))).map(f64::from).collect();
        let mean = all.iter().sum::<f64>() / 40_000.0;
        let var = all.iter().map(|x| x * x).sum::<f64>() / 40_000.0;
        assert!(mean.abs() < 0.02 && (var - 1.0).abs() < 0.03, "{mean} {var}");
    }
}
