//! Residual networks (He et al., CVPR'16): ResNet-18 and -34 with basic blocks, and the thin ResNet-20 of CIFAR-10.

use super::Images;
use crate::cost::shape::{Builder, NetworkShape, square};
use crate::error::Result;

/// ResNet-18 or -34: basic blocks of 64, 128, 256 and 512 channels, 1x1 projections where the shape changes. On CIFAR images
/// the stem is 3x3 without pooling; on ImageNet 7x7 / 2 with a max-pool, as torchvision has it.
pub fn basic(name: &str, images: Images, blocks: [usize; 4]) -> Result<NetworkShape> {
    let mut net = Builder::new(name, images.shape());
    match images {
        Images::Cifar { .. } => {
            net.conv("conv1", 64, square(3, 1, 1), 1, false)?.norm(true).relu();
        }
        Images::ImageNet => {
            net.conv("conv1", 64, square(7, 2, 3), 1, false)?.norm(true).relu().max_pool("maxpool", square(3, 2, 1))?;
        }
    }
    for (stage, &count) in blocks.iter().enumerate() {
        for block in 0..count {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let at = format!("layer{}.{block}", stage + 1);
            residual(&mut net, [&format!("{at}.conv1"), &format!("{at}.conv2"), &format!("{at}.downsample")], 64 << stage, stride, true)?;
        }
    }
    net.global_pool().linear("fc", images.classes(), true);
    net.finish()
}

/// ResNet-(6n + 2) for CIFAR: 16, 32 and 64 channels. Where the shape changes the shortcut is a 1x1 projection with batch norm
/// (B), or every other pixel with zero channels added (A).
pub fn thin(name: &str, images: Images, n: usize, projection: bool) -> Result<NetworkShape> {
    let mut net = Builder::new(name, images.shape());
    net.conv("conv1", 16, square(3, 1, 1), 1, false)?.norm(true).relu();
    for stage in 0..3 {
        for block in 0..n {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let conv = |i: usize| format!("s{}_{i}", stage + 1);
            let names = [conv(2 * block), conv(2 * block + 1), format!("s{}_shortcut", stage + 1)];
            residual(&mut net, names.each_ref().map(String::as_str), 16 << stage, stride, projection)?;
        }
    }
    net.global_pool().linear("fc", images.classes(), true);
    net.finish()
}

/// Two 3x3 convolutions and a shortcut around them; `names` are theirs and the projection's.
fn residual(net: &mut Builder, names: [&str; 3], channels: u64, stride: usize, projection: bool) -> Result<()> {
    let before = net.value();
    net.conv(names[0], channels, square(3, stride, 1), 1, false)?.norm(true).relu();
    net.conv(names[1], channels, square(3, 1, 1), 1, false)?.norm(true);
    let after = net.value();
    if before != after {
        if projection {
            net.at(before).conv(names[2], channels, square(1, stride, 0), 1, false)?.norm(true);
        } else {
            net.moved_to(after);
        }
    }
    net.at(after).add().relu();
    Ok(())
}
