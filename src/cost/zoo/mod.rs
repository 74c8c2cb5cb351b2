//! Bundled networks as layer tables, made from rules: no weights, no files. One file per family.
//!
//! Which variant of each architecture a name stands for is decided by the parameter counts that Table II of the paper
//! prints: weights, biases, scale and shift of batch norms (its running statistics are not counted). The one exception is
//! DenseNet-121 on CIFAR-100, where no known variant has the printed 7.00 M; the nearest has 7.05 M and stands here.
//!
//! To add a network: a function in the file of its family, a line in [`ZOO`].

mod densenet;
mod mobilenet;
mod resnet;
mod vgg;

use super::designs::{Design, Granularity};
use super::shape::NetworkShape;
use crate::config::source::meant;
use crate::error::{Error, Result};

/// The images a network is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Images {
    /// 3 x 32 x 32.
    Cifar {
        /// Classes: 10 or 100.
        classes: u64,
    },
    /// 3 x 224 x 224, 1000 classes.
    ImageNet,
}

impl Images {
    fn classes(self) -> u64 {
        match self {
            Images::Cifar { classes } => classes,
            Images::ImageNet => 1000,
        }
    }

    fn shape(self) -> [u64; 3] {
        match self {
            Images::Cifar { .. } => [3, 32, 32],
            Images::ImageNet => [3, 224, 224],
        }
    }
}

/// What Table II of the paper prints for a network: compressions are 32 / mean bits of a weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Published {
    /// Compression by BWQ-A, block-wise.
    pub bwq_compression: f64,
    /// Activation bits of BWQ-A.
    pub bwq_activation_bits: u32,
    /// Compression by BSQ, layer-wise.
    pub bsq_compression: f64,
    /// Activation bits of BSQ.
    pub bsq_activation_bits: u32,
}

impl Published {
    /// Compression of the weights at a granularity; none where all have the same bits.
    pub fn compression(&self, granularity: Granularity) -> Option<f64> {
        match granularity {
            Granularity::Network => None,
            Granularity::Layer => Some(self.bsq_compression),
            Granularity::Block => Some(self.bwq_compression),
        }
    }

    /// Activation bits of a design that is in the table.
    pub fn activation_bits(&self, design: &Design) -> Option<u32> {
        match design.granularity {
            Granularity::Network => None,
            Granularity::Layer => Some(self.bsq_activation_bits),
            Granularity::Block => Some(self.bwq_activation_bits),
        }
    }
}

/// A bundled network.
pub struct Bundled {
    /// Name on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub title: &'static str,
    /// What the paper found for it, if it is in Table II.
    pub published: Option<Published>,
    make: fn(&'static str) -> Result<NetworkShape>,
}

impl Bundled {
    /// Its layers.
    ///
    /// # Errors
    /// None that a user could cause.
    pub fn shape(&self) -> Result<NetworkShape> {
        (self.make)(self.name)
    }
}

const CIFAR10: Images = Images::Cifar { classes: 10 };
const CIFAR100: Images = Images::Cifar { classes: 100 };

const fn published(bwq_compression: f64, bwq_activation_bits: u32, bsq_compression: f64, bsq_activation_bits: u32) -> Option<Published> {
    Some(Published { bwq_compression, bwq_activation_bits, bsq_compression, bsq_activation_bits })
}

/// Every bundled network, in the order of Table II.
#[rustfmt::skip] // read as a table
pub const ZOO: &[Bundled] = &[
    Bundled { name: "resnet18-cifar10", title: "ResNet-18, stem 3x3, 1x1 projections", published: published(56.46, 3, 26.05, 4), make: |n| resnet::basic(n, CIFAR10, [2, 2, 2, 2]) },
    Bundled { name: "resnet34-cifar10", title: "ResNet-34, stem 3x3, 1x1 projections", published: published(117.52, 4, 83.86, 4), make: |n| resnet::basic(n, CIFAR10, [3, 4, 6, 3]) },
    Bundled { name: "vgg16-cifar10", title: "VGG16-BN, FC 512-4096-4096-10", published: published(136.01, 3, 26.59, 3), make: |n| vgg::vgg(n, CIFAR10, [2, 2, 3, 3, 3]) },
    Bundled { name: "vgg19-cifar10", title: "VGG19-BN, FC 512-4096-4096-10", published: published(443.01, 3, 28.15, 3), make: |n| vgg::vgg(n, CIFAR10, [2, 2, 4, 4, 4]) },
    Bundled { name: "resnet20-cifar10", title: "ResNet-20, identity shortcuts (A)", published: published(16.04, 3, 13.76, 3), make: |n| resnet::thin(n, CIFAR10, 3, false) },
    Bundled { name: "resnet20-cifar10-b", title: "ResNet-20, 1x1 projections (B)", published: published(16.04, 3, 13.76, 3), make: |n| resnet::thin(n, CIFAR10, 3, true) },
    Bundled { name: "mobilenetv2-cifar10", title: "MobileNetV2, kuangliu/pytorch-cifar form", published: published(47.34, 3, 5.73, 4), make: |n| mobilenet::v2(n, CIFAR10) },
    Bundled { name: "resnet18-cifar100", title: "ResNet-18, stem 3x3, 1x1 projections", published: published(45.97, 4, 6.21, 4), make: |n| resnet::basic(n, CIFAR100, [2, 2, 2, 2]) },
    Bundled { name: "resnet34-cifar100", title: "ResNet-34, stem 3x3, 1x1 projections", published: published(63.93, 4, 33.40, 4), make: |n| resnet::basic(n, CIFAR100, [3, 4, 6, 3]) },
    Bundled { name: "vgg16-cifar100", title: "VGG16-BN, FC 512-4096-4096-100", published: published(50.42, 3, 19.88, 4), make: |n| vgg::vgg(n, CIFAR100, [2, 2, 3, 3, 3]) },
    Bundled { name: "vgg19-cifar100", title: "VGG19-BN, FC 512-4096-4096-100", published: published(78.56, 3, 23.09, 4), make: |n| vgg::vgg(n, CIFAR100, [2, 2, 4, 4, 4]) },
    Bundled { name: "mobilenetv2-cifar100", title: "MobileNetV2, kuangliu/pytorch-cifar form", published: published(18.35, 4, 6.22, 8), make: |n| mobilenet::v2(n, CIFAR100) },
    Bundled { name: "densenet121-cifar100", title: "DenseNet-121, stem 3x3 without batch norm", published: published(23.65, 4, 7.26, 5), make: |n| densenet::densenet121(n, CIFAR100) },
    Bundled { name: "resnet34-imagenet", title: "ResNet-34, torchvision form", published: published(13.55, 4, 9.48, 4), make: |n| resnet::basic(n, Images::ImageNet, [3, 4, 6, 3]) },
    Bundled { name: "densenet121-imagenet", title: "DenseNet-121, torchvision form", published: published(12.56, 4, 7.47, 5), make: |n| densenet::densenet121(n, Images::ImageNet) },
];

/// The bundled network of a name.
pub fn find(name: &str) -> Option<&'static Bundled> {
    ZOO.iter().find(|b| b.name == name)
}

/// What to say of a name that is neither bundled nor a file.
pub fn unknown(name: &str, place: &str) -> Error {
    let names: Vec<&str> = ZOO.iter().map(|b| b.name).collect();
    Error::input(place, format!("`{name}` is neither a file nor a bundled network")).hint(match meant(name, ["embedded", "embedded-bwq-a"].into_iter().chain(ZOO.iter().map(|b| b.name))) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("bundled: embedded, {}; or the path of a netgraph-1 JSON file", names.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts of hand-written counters, of which 13 of 14 give what Table II prints.
    #[test]
    fn parameters_are_those_of_table_two() {
        let counted = [
            ("resnet20-cifar10", 269_722, 268_336), ("resnet20-cifar10-b", 272_474, 270_896), ("resnet18-cifar10", 11_173_962, 11_164_352),
            ("resnet34-cifar10", 21_282_122, 21_265_088), ("vgg16-cifar10", 33_646_666, 33_625_792), ("vgg19-cifar10", 38_958_922, 38_934_208),
            ("mobilenetv2-cifar10", 2_296_922, 2_261_824), ("resnet18-cifar100", 11_220_132, 11_210_432), ("resnet34-cifar100", 21_328_292, 21_311_168),
            ("vgg16-cifar100", 34_015_396, 33_994_432), ("vgg19-cifar100", 39_327_652, 39_302_848), ("mobilenetv2-cifar100", 2_412_212, 2_377_024),
            ("densenet121-cifar100", 7_048_548, 6_964_928), ("resnet34-imagenet", 21_797_672, 21_779_648), ("densenet121-imagenet", 7_978_856, 7_894_208),
        ];
        assert_eq!(counted.len(), ZOO.len());
        for (name, parameters, weights) in counted {
            let shape = find(name).expect(name).shape().expect(name);
            assert_eq!((shape.parameters(), shape.weights()), (parameters, weights), "{name}");
        }
    }

    #[test]
    fn layers_have_names_of_their_own() {
        for bundled in ZOO {
            let shape = bundled.shape().expect(bundled.name);
            let names: std::collections::BTreeSet<_> = shape.layers.iter().map(|l| &l.name).collect();
            assert_eq!(names.len(), shape.layers.len(), "{}", bundled.name);
            assert_eq!(shape.name, bundled.name);
        }
    }

    #[test]
    fn a_slip_is_named() {
        assert!(unknown("resnet18_cifar10", "x").hint.is_some_and(|h| h.contains("resnet18-cifar10")));
        assert!(unknown("VGG16", "x").hint.is_some_and(|h| h.contains("did you mean `vgg16-cifar10`?")));
        assert!(unknown("nonsense-of-mine", "x").hint.is_some_and(|h| h.contains("densenet121-imagenet")));
    }
}
