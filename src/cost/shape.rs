//! What a network is to a cost model: its layers with weights as matrices, and the digital work between them. No weights.
//!
//! [`Builder`] makes it step by step, from the rules of a bundled network ([`super::zoo`]) or from the nodes of one of
//! ours ([`super::from_network`]). A digital operation is booked on the layer with weights that it follows, so that a table
//! of layers sums to the whole image; what stands before the first layer is booked on the first.

use crate::error::{Error, Result};
use crate::network::shape::Window;
use std::ops::AddAssign;

/// [C, H, W] of one image; a vector is [N, 1, 1].
pub type Value = [u64; 3];

/// Digital work of one image, in values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digital {
    /// Values that pass an activation function.
    pub activations: u64,
    /// Sums of two values (residual connections).
    pub additions: u64,
    /// Comparisons of maximum pooling: window size - 1 for each output.
    pub comparisons: u64,
    /// Additions of average pooling: window size - 1 for each output.
    pub pool_adds: u64,
    /// Values that are moved and nothing else: written by concatenations, strided copies, paddings of channels.
    pub moved: u64,
    /// Values scaled and shifted by a batch norm that follows no layer with weights and so cannot be folded into one.
    pub scaled: u64,
}

impl AddAssign for Digital {
    fn add_assign(&mut self, other: Self) {
        self.activations += other.activations;
        self.additions += other.additions;
        self.comparisons += other.comparisons;
        self.pool_adds += other.pool_adds;
        self.moved += other.moved;
        self.scaled += other.scaled;
    }
}

/// A layer with weights: `groups` matrices of `rows` x `outputs`, each applied at `positions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Name, unique in the network.
    pub name: String,
    /// Rows of the matrix of one group: input channels per group x kernel.
    pub rows: u64,
    /// Columns of the matrix of one group: output channels per group.
    pub outputs: u64,
    /// Groups; 1 but for grouped and depthwise convolutions.
    pub groups: u64,
    /// Positions at which the matrix is applied in one image: output height x width.
    pub positions: u64,
    /// Height and width of the kernel; [1, 1] of a fully connected layer.
    pub kernel: [u64; 2],
    /// Vertical and horizontal stride.
    pub stride: [u64; 2],
    /// Its input.
    pub input: Value,
    /// Its output.
    pub output: Value,
    /// Trainable values beside the weights: biases, scale and shift of batch norms. They are digital.
    pub vectors: u64,
    /// Digital work that follows it.
    pub digital: Digital,
}

impl Layer {
    /// Weights, all groups.
    pub fn weights(&self) -> u64 {
        self.rows * self.outputs * self.groups
    }

    /// Multiply-accumulates of one image.
    pub fn macs(&self) -> u64 {
        self.weights() * self.positions
    }

    /// Whether every group has one input channel.
    pub fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.input[0]
    }

    /// Values of the input that must be there before the first position can be computed, as a buffer of lines holds them:
    /// ((W (k_h - 1)) + k_w) x C (ISAAC, ISCA'16).
    pub fn line_buffer_values(&self) -> u64 {
        let [channels, height, width] = self.input;
        ((width * (self.kernel[0] - 1)) + self.kernel[1]).min(height * width) * channels
    }
}

/// The layers of a network with weights, in order of execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkShape {
    /// Name.
    pub name: String,
    /// Its input.
    pub input: Value,
    /// Layers with weights.
    pub layers: Vec<Layer>,
}

impl NetworkShape {
    /// Weights of all layers: what crossbars hold.
    pub fn weights(&self) -> u64 {
        self.layers.iter().map(Layer::weights).sum()
    }

    /// Every trainable value: weights, biases, scale and shift of batch norms.
    pub fn parameters(&self) -> u64 {
        self.weights() + self.layers.iter().map(|l| l.vectors).sum::<u64>()
    }

    /// Multiply-accumulates of one image.
    pub fn macs(&self) -> u64 {
        self.layers.iter().map(Layer::macs).sum()
    }
}

/// Makes a [`NetworkShape`] operation by operation. Each works on [`Builder::value`] and leaves its output there.
#[derive(Debug)]
pub struct Builder {
    network: NetworkShape,
    /// What stands before the first layer.
    before: Digital,
    value: Value,
}

impl Builder {
    /// A network whose input is `input`.
    pub fn new(name: &str, input: Value) -> Self {
        Builder { network: NetworkShape { name: name.into(), input, layers: Vec::new() }, before: Digital::default(), value: input }
    }

    /// Shape of the value at hand.
    pub fn value(&self) -> Value {
        self.value
    }

    /// Goes on from a value of another branch.
    pub fn at(&mut self, value: Value) -> &mut Self {
        self.value = value;
        self
    }

    /// A convolution.
    ///
    /// # Errors
    /// Windows that do not fit, groups that do not divide the channels.
    pub fn conv(&mut self, name: &str, outputs: u64, window: Window, groups: u64, bias: bool) -> Result<&mut Self> {
        let [channels, ..] = self.value;
        if groups == 0 || !channels.is_multiple_of(groups) || !outputs.is_multiple_of(groups) {
            return Err(Error::input(name, format!("{groups} groups do not divide {channels} input and {outputs} output channels")));
        }
        let [height, width] = self.slide(name, &window)?;
        let kernel = window.kernel.map(|k| k as u64);
        let output = [outputs, height, width];
        self.push(Layer {
            name: name.into(),
            rows: channels / groups * kernel[0] * kernel[1],
            outputs: outputs / groups,
            groups,
            positions: height * width,
            kernel,
            stride: window.stride.map(|s| s as u64),
            input: self.value,
            output,
            vectors: if bias { outputs } else { 0 },
            digital: Digital::default(),
        });
        Ok(self)
    }

    /// A fully connected layer on the whole value at hand.
    pub fn linear(&mut self, name: &str, outputs: u64, bias: bool) -> &mut Self {
        let rows: u64 = self.value.iter().product();
        self.push(Layer {
            name: name.into(),
            rows,
            outputs,
            groups: 1,
            positions: 1,
            kernel: [1, 1],
            stride: [1, 1],
            input: [rows, 1, 1],
            output: [outputs, 1, 1],
            vectors: if bias { outputs } else { 0 },
            digital: Digital::default(),
        });
        self
    }

    fn push(&mut self, mut layer: Layer) {
        self.value = layer.output;
        layer.digital += std::mem::take(&mut self.before);
        self.network.layers.push(layer);
    }

    /// A batch norm; `folded` if it directly follows a layer with weights, and then costs nothing.
    pub fn norm(&mut self, folded: bool) -> &mut Self {
        let vectors = 2 * self.value[0];
        if let Some(layer) = self.network.layers.last_mut() {
            layer.vectors += vectors;
        }
        let scaled = if folded { 0 } else { self.values() };
        self.book(Digital { scaled, ..Digital::default() })
    }

    /// An activation function.
    pub fn relu(&mut self) -> &mut Self {
        self.book(Digital { activations: self.values(), ..Digital::default() })
    }

    /// The largest value of each window.
    ///
    /// # Errors
    /// A window that does not fit.
    pub fn max_pool(&mut self, name: &str, window: Window) -> Result<&mut Self> {
        let comparisons = self.pool(name, &window)?;
        Ok(self.book(Digital { comparisons, ..Digital::default() }))
    }

    /// The mean of each window.
    ///
    /// # Errors
    /// A window that does not fit.
    pub fn average_pool(&mut self, name: &str, window: Window) -> Result<&mut Self> {
        let pool_adds = self.pool(name, &window)?;
        Ok(self.book(Digital { pool_adds, ..Digital::default() }))
    }

    /// Operations of a pooling: one less than its window for each output.
    fn pool(&mut self, name: &str, window: &Window) -> Result<u64> {
        let [height, width] = self.slide(name, window)?;
        self.value = [self.value[0], height, width];
        Ok((window.kernel[0] * window.kernel[1] - 1) as u64 * self.values())
    }

    /// The mean over all positions.
    pub fn global_pool(&mut self) -> &mut Self {
        let [channels, height, width] = self.value;
        self.value = [channels, 1, 1];
        self.book(Digital { pool_adds: (height * width - 1) * channels, ..Digital::default() })
    }

    /// The sum with another value of the same shape.
    pub fn add(&mut self) -> &mut Self {
        self.book(Digital { additions: self.values(), ..Digital::default() })
    }

    /// A value of `channels` channels that is put together from others, or copied: concatenation, strided copy, padding.
    pub fn moved_to(&mut self, value: Value) -> &mut Self {
        self.value = value;
        self.book(Digital { moved: self.values(), ..Digital::default() })
    }

    /// The network.
    ///
    /// # Errors
    /// One without any layer.
    pub fn finish(self) -> Result<NetworkShape> {
        if self.network.layers.is_empty() {
            return Err(Error::input(self.network.name, "the network has no layer with weights: nothing lies on crossbars"));
        }
        Ok(self.network)
    }

    fn values(&self) -> u64 {
        self.value.iter().product()
    }

    fn book(&mut self, work: Digital) -> &mut Self {
        match self.network.layers.last_mut() {
            Some(layer) => layer.digital += work,
            None => self.before += work,
        }
        self
    }

    fn slide(&self, name: &str, window: &Window) -> Result<[u64; 2]> {
        let [_, height, width] = self.value.map(|v| v as usize);
        Ok(window.output([height, width]).map_err(|e| Error::input(name, e))?.map(|v| v as u64))
    }
}

/// A square window of `kernel` taps a side, the same stride and padding on all sides.
pub fn square(kernel: usize, stride: usize, pad: usize) -> Window {
    Window { kernel: [kernel; 2], stride: [stride; 2], pad: [pad; 4], dilation: [1, 1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digital_work_is_booked_on_the_layer_before() {
        let mut net = Builder::new("n", [3, 8, 8]);
        net.max_pool("p", square(2, 2, 0)).expect("fits");
        net.conv("a", 4, square(3, 1, 1), 1, true).expect("fits").norm(true).relu().global_pool().linear("fc", 2, false);
        let net = net.finish().expect("layers");
        let [a, fc] = &net.layers[..] else { panic!("two layers") };
        assert_eq!((a.rows, a.outputs, a.positions, a.macs(), a.vectors), (27, 4, 16, 27 * 4 * 16, 4 + 8));
        assert_eq!(a.digital, Digital { activations: 64, comparisons: 3 * 16 * 3, pool_adds: 15 * 4, ..Digital::default() });
        assert_eq!((fc.rows, fc.outputs, net.parameters()), (4, 2, 108 + 12 + 8));
    }

    #[test]
    fn a_buffer_of_lines() {
        let mut net = Builder::new("n", [64, 32, 32]);
        net.conv("a", 64, square(3, 1, 1), 1, false).expect("fits");
        assert_eq!(net.finish().expect("layers").layers[0].line_buffer_values(), (32 * 2 + 3) * 64);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut net = Builder::new("n", [4, 2, 2]);
        assert!(net.conv("a", 4, square(3, 1, 0), 1, false).is_err());
        assert!(net.conv("a", 4, square(1, 1, 0), 3, false).is_err());
        assert!(net.finish().is_err());
    }
}
