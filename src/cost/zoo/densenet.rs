//! DenseNet-121 (Huang et al., CVPR'17): growth 32, bottlenecks of 4 x growth, halved between stages. Its batch norms stand
//! before the convolutions; the one on a concatenation cannot be folded and is digital work.

use super::Images;
use crate::cost::shape::{Builder, NetworkShape, square};
use crate::error::Result;

const GROWTH: u64 = 32;

/// On CIFAR images the stem is 3x3 without batch norm and pooling (weiaicunzai/pytorch-cifar100); on ImageNet torchvision's.
pub fn densenet121(name: &str, images: Images) -> Result<NetworkShape> {
    let mut net = Builder::new(name, images.shape());
    match images {
        Images::Cifar { .. } => {
            net.conv("conv0", 64, square(3, 1, 1), 1, false)?;
        }
        Images::ImageNet => {
            net.conv("conv0", 64, square(7, 2, 3), 1, false)?.norm(true).relu().max_pool("pool0", square(3, 2, 1))?;
        }
    }
    for (stage, layers) in [6, 12, 24, 16].into_iter().enumerate() {
        for layer in 0..layers {
            let before = net.value();
            let name = |what: &str| format!("denseblock{}.denselayer{}.{what}", stage + 1, layer + 1);
            net.norm(false).relu().conv(&name("conv1"), 4 * GROWTH, square(1, 1, 0), 1, false)?.norm(true).relu();
            net.conv(&name("conv2"), GROWTH, square(3, 1, 1), 1, false)?;
            net.moved_to([before[0] + GROWTH, before[1], before[2]]);
        }
        if stage < 3 {
            let half = net.value()[0] / 2;
            net.norm(false).relu().conv(&format!("transition{}.conv", stage + 1), half, square(1, 1, 0), 1, false)?.average_pool("pool", square(2, 2, 0))?;
        }
    }
    net.norm(false).relu().global_pool().linear("classifier", images.classes(), true);
    net.finish()
}
