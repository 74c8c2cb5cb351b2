//! One point of a sweep: every value resolved, typed, with its unit in its name.
//!
//! Plain data, immutable after validation. What a value means, its range and its default stand in
//! [`super::keys`]; nothing here is optional or "0 for infinite". Long because it is the list of all settings.

use crate::device::Measured;
use std::sync::Arc;

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
    /// A file of magnitude bits per weight block, or the word for the map inside the program.
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

/// How far converters reach; only `explain` changes it, to tell the causes of a loss apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConverterReach {
    /// To the ends of their range.
    #[default]
    AsConfigured,
    /// As far as sums can go, in the same steps.
    Unclipped,
    /// As far as sums can go, in an eighth of a level step.
    Fine,
}

/// `[adc]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdcConfig {
    /// Resolution.
    pub bits: AdcBits,
    /// Full scale.
    pub range: AdcRange,
}

/// How converters differ from each other: drawn once per converter and chip.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ConverterSpread {
    /// Standard deviation of a converter's offset, in its steps.
    pub offset_sigma_steps: f64,
    /// Standard deviation of a converter's gain about 1.
    pub gain_sigma_rel: f64,
    /// Standard deviation of each threshold of a converter, in its steps.
    pub threshold_sigma_steps: f64,
}

/// What a user's chip does about its own errors, digitally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compensation {
    /// Nothing.
    #[default]
    None,
    /// One gain per layer and chip.
    Gain,
    /// Mean and variance of every output channel measured again on each chip.
    Batchnorm,
}

/// The law of the programming error: drawn once per cell and chip, when the cell is written.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ProgrammingError {
    /// Every cell at its nominal conductance.
    #[default]
    None,
    /// `G exp(sigma_ln z)`.
    Lognormal {
        /// Standard deviation of ln G, at the highest level.
        sigma_ln: f64,
        /// The same at the lowest level (levels between lie on a line); `None` = as at the highest.
        sigma_ln_off: Option<f64>,
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
    /// Written again until a read says that it is within the tolerance, at most `attempts` times.
    WriteVerify {
        /// Standard deviation of one attempt as a fraction of g_on.
        sigma_rel: f64,
        /// Accepted distance from the target as a fraction of g_on.
        tolerance_rel: f64,
        /// Most attempts; a cell that is then still outside stays as it is.
        attempts: u32,
    },
    /// Measured conductances of each level.
    Table(Arc<Measured>),
}

/// Spread that cells share: standard deviations of ln G.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SpreadConfig {
    /// Of a whole chip.
    pub sigma_chip_ln: f64,
    /// Of a bitline of a crossbar.
    pub sigma_column_ln: f64,
    /// Of an edge of the array against its centre, along each of its sides.
    pub sigma_gradient_ln: f64,
}

/// Which stuck cells are stuck together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clustering {
    /// Each cell on its own.
    #[default]
    None,
    /// All cells of a wordline of a crossbar.
    Rows,
    /// All cells of a bitline of a crossbar.
    Columns,
}

/// Cells that keep one conductance whatever is written.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StuckAtConfig {
    /// Share of cells that are stuck at g_on.
    pub on_frac: f64,
    /// Share of cells that are stuck at g_off.
    pub off_frac: f64,
    /// Which are stuck together.
    pub clustering: Clustering,
}

/// Change of conductance with time: G(t) = G (t / t0)^-nu.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DriftConfig {
    /// Mean exponent.
    pub nu: f64,
    /// Standard deviation of the exponent from cell to cell.
    pub sigma_nu: f64,
    /// Time after programming at which conductances are as written.
    pub t0_s: f64,
    /// Time after programming at which the network runs.
    pub time_s: f64,
}

impl Default for DriftConfig {
    fn default() -> Self {
        DriftConfig { nu: 0.0, sigma_nu: 0.0, t0_s: 1.0, time_s: 1.0 }
    }
}

/// How read noise is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadNoiseModel {
    /// Every conversion gets its own draw.
    Exact,
    /// For each column, row group and input step the three changes of a code that hold most of the noise's variance are
    /// drawn; the other conversions have their likeliest code.
    Flips,
}

/// The law of what changes at each read.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum ReadNoise {
    /// Reads repeat.
    #[default]
    None,
    /// Each cell's current has a standard deviation of `sigma_rel` of itself.
    NormalProportional {
        /// Standard deviation as a fraction of G.
        sigma_rel: f64,
        /// How it is computed.
        model: ReadNoiseModel,
    },
    /// Each driven cell's current has the same standard deviation.
    NormalIndependent {
        /// Standard deviation as a fraction of g_on.
        sigma_rel: f64,
        /// How it is computed.
        model: ReadNoiseModel,
    },
}

/// How cells hang on wires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WireTopology {
    /// Inputs drive row wires; bitlines end at virtual ground below the last row.
    #[default]
    Plain,
    /// Inputs gate the cells; a supply wire beside each bitline feeds them.
    Gated,
}

/// Wires of the array.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WireConfig {
    /// Resistance of one cell's segment, rows and columns alike.
    pub ohm: f64,
    /// How cells hang on them.
    pub topology: WireTopology,
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
    /// Standard deviation of what a cell relaxes by after it was verified, as a fraction of g_on.
    pub relaxation_sigma_rel: f64,
    /// Spread that cells share.
    pub spread: SpreadConfig,
    /// Faulty cells.
    pub stuck_at: StuckAtConfig,
    /// Change with time.
    pub drift: DriftConfig,
    /// What changes at each read.
    pub read_noise: ReadNoise,
    /// Wires of the array.
    pub wires: WireConfig,
}

impl Default for DeviceConfig {
    /// Cells without any error, at the table's g_on and on/off ratio.
    fn default() -> Self {
        DeviceConfig {
            g_on_siemens: 1e-4,
            on_off_ratio: Some(100.0),
            fraction_bits: None,
            programming_error: ProgrammingError::None,
            relaxation_sigma_rel: 0.0,
            spread: SpreadConfig::default(),
            stuck_at: StuckAtConfig::default(),
            drift: DriftConfig::default(),
            read_noise: ReadNoise::None,
            wires: WireConfig::default(),
        }
    }
}

impl DeviceConfig {
    /// The same device without what is random from chip to chip or from read to read.
    pub fn without_randomness(&self) -> Self {
        DeviceConfig {
            programming_error: ProgrammingError::None,
            relaxation_sigma_rel: 0.0,
            spread: SpreadConfig::default(),
            stuck_at: StuckAtConfig::default(),
            drift: DriftConfig { sigma_nu: 0.0, ..self.drift },
            read_noise: ReadNoise::None,
            ..self.clone()
        }
    }
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
    /// Chip 2k + 1 is the antithetic partner of chip 2k.
    pub antithetic: bool,
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
    /// What the chip does about its own errors.
    pub compensation: Compensation,
    /// `[adc]`
    pub adc: AdcConfig,
    /// How far converters reach.
    pub reach: ConverterReach,
    /// How converters differ.
    pub converters: ConverterSpread,
    /// `[device]`
    pub device: DeviceConfig,
    /// `[monte_carlo]`
    pub monte_carlo: MonteCarloConfig,
}
