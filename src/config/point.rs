//! One point of a sweep: every value resolved, typed, with its unit in its name.
//!
//! Plain data, immutable after validation. What a value means, its range and its default stand in
//! [`super::keys`]; nothing here is optional or "0 for infinite".

/// `[network]`: what runs on the crossbars and on which images.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkConfig {
    /// `embedded`, or the path of a `netgraph-1` JSON file.
    pub model: String,
    /// `embedded`, or the path of a data set.
    pub dataset: String,
    /// Number of test images, the first ones of the set.
    pub images: usize,
}

/// Granularity of the weight scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightScale {
    /// One scale per layer.
    PerLayer,
    /// One scale per output channel.
    PerChannel,
}

/// How the clipping range of an activation is chosen on the calibration images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clipping {
    /// The range with the least mean squared quantisation error.
    Mse,
    /// The largest value seen.
    Max,
}

/// Bits per weight block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrecisionMapConfig {
    /// `weight_bits` everywhere.
    Uniform,
    /// A file of magnitude bits per weight block.
    File(String),
}

/// `[quantization]`.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantizationConfig {
    /// Bits of a weight, the sign included: 2 to 9.
    pub weight_bits: u32,
    /// Bits of an activation that enters a crossbar: 1 to 12.
    pub activation_bits: u32,
    /// Granularity of the weight scale.
    pub weight_scale: WeightScale,
    /// Choice of the activations' clipping range.
    pub clipping: Clipping,
    /// Bits per weight block.
    pub precision_map: PrecisionMapConfig,
}

/// Where the row groups of a layer may be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowCut {
    /// Groups never cross a crossbar's border: floor(rows / ou_wordlines) whole groups per crossbar.
    BlockAligned,
    /// Crossbars are filled to the last row; the group at the border is short.
    Physical,
}

/// How the two planes of a differential pair are subtracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subtraction {
    /// Currents first, then one conversion.
    Analog,
    /// Two conversions, then the difference.
    Digital,
}

/// How the offset of an offset-encoded weight is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetRemoval {
    /// Computed from the inputs.
    Digital,
    /// A reference column of cells at the offset's level.
    UnitColumn,
}

/// How a signed weight is held by cells of non-negative conductance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Sign and magnitude, one plane of cells for each sign.
    Differential(Subtraction),
    /// W + 2^(weight_bits - 1), one plane.
    Offset(OffsetRemoval),
}

/// Which layers are computed digitally instead of on a crossbar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigitalLayers {
    /// All layers with weights are on crossbars.
    None,
    /// The first layer is digital.
    First,
    /// The last layer is digital.
    Last,
    /// First and last layers are digital.
    FirstAndLast,
}

/// `[crossbar]`.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossbarConfig {
    /// Wordlines of a crossbar.
    pub rows: usize,
    /// Bitlines of a crossbar.
    pub cols: usize,
    /// Wordlines active together.
    pub ou_wordlines: usize,
    /// Bitlines converted together.
    pub ou_bitlines: usize,
    /// Bits of a cell.
    pub cell_bits: u32,
    /// Bits of an input step.
    pub dac_bits: u32,
    /// Where row groups are cut.
    pub row_cut: RowCut,
    /// Encoding of signed weights.
    pub encoding: Encoding,
    /// Layers left digital.
    pub digital_layers: DigitalLayers,
}

/// Resolution of the ADC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdcBits {
    /// The fewest bits that cover every possible sum.
    Lossless,
    /// That many bits.
    Bits(u32),
    /// No rounding at all.
    Ideal,
}

/// Full scale of the ADC.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AdcRange {
    /// All possible sums.
    Full,
    /// `[lo, hi]`, unit: current of one cell at g_on.
    Given(f64, f64),
    /// From the currents of the calibration images.
    Calibrated,
}

/// `[adc]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdcConfig {
    /// Resolution.
    pub bits: AdcBits,
    /// Full scale.
    pub range: AdcRange,
}

/// The law of the programming error: drawn once per cell and chip, when the cell is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ProgrammingError {
    /// Every cell at its nominal conductance.
    None,
    /// `G exp(sigma_ln z)`.
    Lognormal {
        /// Standard deviation of ln G.
        sigma_ln: f64,
        /// Clip to [g_off, g_on] (0 is always a limit).
        clip: bool,
    },
    /// `G (1 + sigma_rel z)`.
    NormalProportional {
        /// Standard deviation as a fraction of G.
        sigma_rel: f64,
        /// Clip to [g_off, g_on].
        clip: bool,
    },
    /// `G + sigma_rel g_on z`.
    NormalIndependent {
        /// Standard deviation as a fraction of g_on.
        sigma_rel: f64,
        /// Clip to [g_off, g_on].
        clip: bool,
    },
}

/// `[device]`.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceConfig {
    /// Conductance of the highest level.
    pub g_on_siemens: f64,
    /// g_on / g_off; `None` = infinite.
    pub on_off_ratio: Option<f64>,
    /// Fraction bits of a fixed-point conductance; `None` = as many as a 32-bit bitline sum allows.
    pub fraction_bits: Option<u32>,
    /// Law of the programming error.
    pub programming_error: ProgrammingError,
}

/// `[monte_carlo]`.
#[derive(Debug, Clone, PartialEq)]
pub struct MonteCarloConfig {
    /// Chips per point.
    pub trials: u32,
    /// Seed of everything random.
    pub seed: u64,
    /// A chip passes if its accuracy is within this of the quantised accuracy (a fraction).
    pub max_drop: f64,
}

/// All values of one point.
#[derive(Debug, Clone, PartialEq)]
pub struct PointConfig {
    /// `[network]`
    pub network: NetworkConfig,
    /// `[quantization]`
    pub quantization: QuantizationConfig,
    /// `[crossbar]`
    pub crossbar: CrossbarConfig,
    /// `[adc]`
    pub adc: AdcConfig,
    /// `[device]`
    pub device: DeviceConfig,
    /// `[monte_carlo]`
    pub monte_carlo: MonteCarloConfig,
}
