//! Several networks or designs in one file: `network = ["vgg16-cifar10", "vgg19-cifar10"]` counts each, every network on every
//! design. The first design is the one that the others are compared with.

use super::{CostConfig, MapSource, of};
use crate::config::parse::{Node, Value};
use crate::config::source::At;
use crate::cost::designs;
use crate::error::Result;

/// Keys that take lists, the outermost first.
pub const LISTS: [&str; 2] = ["network", "design"];

/// Every network on every design.
///
/// # Errors
/// Lists that are empty or name something twice; what one value alone would be refused for.
pub(super) fn all(tree: &Node, place: &str, file: &At) -> Result<Vec<CostConfig>> {
    let (mut trees, mut designs) = (vec![tree.clone()], 1);
    for key in LISTS {
        let Some(items) = list(tree, key) else { continue };
        let node = |why: &str| items.at.error(format!("`cost.{key} = {}` {why}", items.value));
        let Value::List(values) = &items.value else { continue };
        if values.is_empty() {
            return Err(node("is empty").hint("name at least one"));
        }
        if values.iter().enumerate().any(|(i, a)| values[..i].iter().any(|b| a.value.to_string() == b.value.to_string())) {
            return Err(node("has something twice").hint("each once"));
        }
        if key == "design" {
            designs = values.len();
        }
        let mut product = Vec::with_capacity(trees.len() * values.len());
        for tree in trees {
            for value in values {
                let mut one = tree.clone();
                one.put(&format!("cost.{key}"), value.clone())?;
                product.push(one);
            }
        }
        trees = product;
    }
    let mut configs = trees.iter().map(|tree| of(tree, place, file)).collect::<Result<Vec<_>>>()?;
    if designs > 1 {
        configs.iter_mut().for_each(keep_what_has_a_meaning);
    }
    Ok(configs)
}

fn list<'a>(tree: &'a Node, key: &str) -> Option<&'a Node> {
    let child = |node: &'a Node, name: &str| match &node.value {
        Value::Table(entries) => entries.iter().find(|e| e.name == name).map(|e| &e.node),
        _ => None,
    };
    child(child(tree, "cost")?, key).filter(|node| matches!(node.value, Value::List(_)))
}

/// In a list of designs, what a key says is for those that it has a meaning for; the others have their own values.
fn keep_what_has_a_meaning(config: &mut CostConfig) {
    let Some(design) = designs::find(&config.design) else { return };
    if !design.takes_map() {
        (config.precision_map, config.mean_bits, config.activation_bits_of_table2) = (MapSource::Uniform, None, false);
    }
    if !design.has_table {
        config.table_entry_bits = None;
    }
    if design.squeeze.is_none() {
        (config.row_compression, config.zero_input_frac) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::cost::{MapSource, parse_all};

    #[test]
    fn every_network_on_every_design() {
        let text = "[cost]\nnetwork = [\"vgg16-cifar10\", \"embedded\"]\ndesign = [\"isaac-ou\", \"bwq-h\", \"sre\"]\nprecision_map = \"synthetic\"\nactivation_bits = \"table2\"\nrow_compression = 2\n";
        let all = parse_all(text, "c", &[], &[]).expect("parses");
        let names: Vec<(&str, &str)> = all.iter().map(|c| (c.network.as_str(), c.design.as_str())).collect();
        assert_eq!(names[..4], [("vgg16-cifar10", "isaac-ou"), ("vgg16-cifar10", "bwq-h"), ("vgg16-cifar10", "sre"), ("embedded", "isaac-ou")]);
        assert_eq!((&all[0].precision_map, all[0].activation_bits_of_table2, all[0].row_compression), (&MapSource::Uniform, false, None));
        assert_eq!((&all[1].precision_map, all[1].activation_bits_of_table2, all[1].row_compression), (&MapSource::Synthetic, true, None));
        assert_eq!(all[2].row_compression, Some(2.0));
        assert_eq!(parse_all("", "c", &[], &["cost.design=[\"bsq\", \"sme\"]".into()]).expect("parses").len(), 2);
    }

    #[test]
    fn nonsense_is_refused() {
        let message = |text: &str| parse_all(text, "c", &[], &[]).expect_err(text).to_string();
        assert!(message("[cost]\ndesign = []").contains("is empty"));
        assert!(message("[cost]\ndesign = [\"sre\", \"sre\"]").contains("twice"));
        assert!(message("[cost]\ndesign = [\"sre\", \"srr\"]").contains("did you mean"));
        assert!(message("[cost]\nweight_bits = [8, 4]").contains("weight_bits"));
    }
}
