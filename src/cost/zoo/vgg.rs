//! VGG with batch norm (Simonyan and Zisserman, ICLR'15) on CIFAR images: convolutions with biases, five max-pools, and fully
//! connected layers 512-4096-4096-classes.

use super::Images;
use crate::cost::shape::{Builder, NetworkShape, square};
use crate::error::Result;

/// VGG16 or VGG19, by the number of convolutions of each stage. Layers are named by place: `conv1_1` is the first of stage 1.
pub fn vgg(name: &str, images: Images, stages: [usize; 5]) -> Result<NetworkShape> {
    let mut net = Builder::new(name, images.shape());
    for (stage, (&count, channels)) in stages.iter().zip([64, 128, 256, 512, 512]).enumerate() {
        for conv in 0..count {
            net.conv(&format!("conv{}_{}", stage + 1, conv + 1), channels, square(3, 1, 1), 1, true)?.norm(true).relu();
        }
        net.max_pool("pool", square(2, 2, 0))?;
    }
    net.linear("fc1", 4096, true).relu().linear("fc2", 4096, true).relu().linear("fc3", images.classes(), true);
    net.finish()
}
