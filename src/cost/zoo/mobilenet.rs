//! MobileNetV2 (Sandler et al., CVPR'18) in the form of kuangliu/pytorch-cifar: every block has its 1x1 expansion, and a 1x1
//! convolution with batch norm as shortcut wherever the stride is 1 and the channels change.

use super::Images;
use crate::cost::shape::{Builder, NetworkShape, square};
use crate::error::Result;

/// (expansion, channels, blocks, stride of the first) of each stage.
const STAGES: [(u64, u64, usize, usize); 7] = [(1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

/// The network for CIFAR images.
pub fn v2(name: &str, images: Images) -> Result<NetworkShape> {
    let mut net = Builder::new(name, images.shape());
    net.conv("conv1", 32, square(3, 1, 1), 1, false)?.norm(true).relu();
    let mut index = 0;
    for (expansion, channels, count, first_stride) in STAGES {
        for block in 0..count {
            let stride = if block == 0 { first_stride } else { 1 };
            bottleneck(&mut net, index, expansion, channels, stride)?;
            index += 1;
        }
    }
    net.conv("conv2", 1280, square(1, 1, 0), 1, false)?.norm(true).relu();
    net.average_pool("pool", square(4, 4, 0))?.linear("linear", images.classes(), true);
    net.finish()
}

/// 1x1 to more channels, 3x3 for each channel on its own, 1x1 to fewer; a shortcut where the stride is 1.
fn bottleneck(net: &mut Builder, index: usize, expansion: u64, channels: u64, stride: usize) -> Result<()> {
    let before = net.value();
    let wide = expansion * before[0];
    let name = |what: &str| format!("layers.{index}.{what}");
    net.conv(&name("conv1"), wide, square(1, 1, 0), 1, false)?.norm(true).relu();
    net.conv(&name("conv2"), wide, square(3, stride, 1), wide, false)?.norm(true).relu();
    net.conv(&name("conv3"), channels, square(1, 1, 0), 1, false)?.norm(true);
    let after = net.value();
    if stride == 1 {
        if before[0] != channels {
            net.at(before).conv(&name("shortcut"), channels, square(1, 1, 0), 1, false)?.norm(true);
        }
        net.at(after).add();
    }
    Ok(())
}
