//! Everything that is worth a line but stops nothing. Each says what it means and what to do about it.

use std::fmt;

/// A warning, printed once per run.
#[derive(Debug, Clone, PartialEq)]
pub enum Warning {
    /// `--engine auto` found no GPU.
    NoGpu(String),
    /// `--engine auto` passed over a software adapter.
    SoftwareAdapterPassedOver(String),
    /// `--engine gpu` uses a software adapter.
    SoftwareAdapterUsed(String),
    /// `--engine auto` leaves a GPU alone whose engine lacks a model.
    NotOnGpu(String),
    /// The activations' ranges come from the images that are also tested.
    CalibratedOnTestImages,
    /// Possible error-free currents lie exactly between two codes.
    #[allow(missing_docs, reason = "the names say it")]
    AdcTies { layer: String, step_levels: f64 },
    /// The off current is rounded by the ADC and then subtracted unrounded.
    #[allow(missing_docs, reason = "the names say it")]
    RoundedOffCurrent { levels_per_row: f64 },
    /// Drawn conductances were cut at the largest representable one.
    #[allow(missing_docs, reason = "the names say it")]
    SaturatedCells { point: String, cells: u64 },
    /// Float images that look like raw pixels.
    #[allow(missing_docs, reason = "the names say it")]
    FloatPixels { dataset: String, largest: f32 },
    /// Measured cells of the highest level are far from the nominal conductance.
    #[allow(missing_docs, reason = "the names say it")]
    MeasuredFarFromNominal { file: String, median_rel: f64 },
    /// A time at which nothing has changed, as no drift is set.
    TimeWithoutDrift,
    /// The integer network is far below the float one, before any chip.
    #[allow(missing_docs, reason = "the names say it")]
    LostByQuantisation { network: String, float_frac: f64, quantised_frac: f64 },
    /// The float network guesses.
    #[allow(missing_docs, reason = "the names say it")]
    FloatGuesses { network: String, float_frac: f64, classes: usize },
    /// What a search chose loses more than its budget on images that had no say.
    #[allow(missing_docs, reason = "the names say it")]
    BudgetMissedUnseen { lost_frac: f64, budget_frac: f64, images: usize },
    /// The wanted kernel cannot compute some layers.
    #[allow(missing_docs, reason = "the names say it")]
    OtherKernel { kernel: String, layers: Vec<String> },
    /// No verdict of PASS is possible within the chips allowed.
    #[allow(missing_docs, reason = "the names say it")]
    TooFewChips { most: u64, fewest: u64 },
    /// Small training images are shifted or turned.
    #[allow(missing_docs, reason = "the names say it")]
    SmallImagesChanged { side_pixels: usize },
    /// The results folder's disk has less room than a sweep takes.
    #[allow(missing_docs, reason = "the names say it")]
    DiskTooSmall { out: String, needed_bytes: u64, free_bytes: u64 },
    /// Blocks of one sweep were made by different engines or adapters.
    MixedAdapters(Vec<String>),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::NoGpu(why) => write!(f, "no GPU is used, the CPU engine runs instead, with the same results: {why} (`bwq doctor` tells more; --engine cpu silences this)"),
            Warning::SoftwareAdapterPassedOver(name) => {
                write!(f, "the only Vulkan adapter is software ({name}); the CPU engine is faster and gives the same results (--engine gpu uses the adapter all the same)")
            }
            Warning::SoftwareAdapterUsed(name) => write!(f, "{name} is a software adapter: results are the same, but --engine cpu is many times faster"),
            Warning::NotOnGpu(what) => write!(f, "the CPU engine runs: the GPU engine has no {what} (--engine cpu silences this)"),
            Warning::CalibratedOnTestImages => {
                write!(f, "the data set has no training images: activation ranges are set on the first test images (their labels are not used); add training images to keep the two apart")
            }
            Warning::AdcTies { layer, step_levels } => write!(
                f,
                "layer `{layer}`: with an ADC step of {step_levels} levels, possible error-free currents lie exactly between two codes, so the smallest error decides; shift adc.range by a fraction of a level or use a step of an odd number of levels"
            ),
            Warning::RoundedOffCurrent { levels_per_row } => write!(
                f,
                "offset encoding with digital removal: each driven row adds {levels_per_row:.3} levels of off current, which the ADC rounds with the sum and which are then subtracted unrounded; expect a systematic loss, also without random errors (offset_removal = \"unit-column\", differential encoding or a higher on_off_ratio avoid it)"
            ),
            Warning::SaturatedCells { point, cells } => write!(
                f,
                "point {point}: cells drew a conductance beyond the largest one that fits a 32-bit bitline sum, and were cut there ({cells} in the first block that has any; the share of all is in summary.csv); a lower device.fraction_bits leaves more room above g_on"
            ),
            Warning::FloatPixels { dataset, largest } => write!(
                f,
                "{dataset}: float images with values up to {largest}, which are taken as they are, as if they were normalised; raw pixels are to be saved as uint8, so that the network's own preprocessing acts"
            ),
            Warning::MeasuredFarFromNominal { file, median_rel } => write!(
                f,
                "{file}: the median of the highest level is {median_rel:.3} times device.g_on_siemens, which converters are made for; set g_on_siemens to what the cells have"
            ),
            Warning::TimeWithoutDrift => write!(f, "device.time_s is set, but nothing changes with time: that takes drift (device.drift.nu = 0.05, or sigma_nu)"),
            Warning::LostByQuantisation { network, float_frac, quantised_frac } => write!(
                f,
                "network `{network}`: in integers it gets {:.1} % of the images right, the float network {:.1} %; every yield and verdict is measured from that. Was the precision map made for these weights, and are there bits enough?",
                100.0 * quantised_frac,
                100.0 * float_frac
            ),
            Warning::FloatGuesses { network, float_frac, classes } => write!(
                f,
                "network `{network}`: the float network gets {:.1} % of the images right, no better than guessing one of {classes} classes; are images, labels and preprocessing those it was trained on? (`bwq import --check` tells for a network from elsewhere)",
                100.0 * float_frac
            ),
            Warning::BudgetMissedUnseen { lost_frac, budget_frac, images } => write!(
                f,
                "on the {images} test images that had no say the choice loses {:.2} points, more than the budget of {:.2}: the choice fits the images that chose; let more of them choose (--images), or ask for a smaller --max-drop",
                100.0 * lost_frac,
                100.0 * budget_frac
            ),
            Warning::OtherKernel { kernel, layers } => {
                write!(f, "--kernel {kernel} cannot compute layer{} {} at every point: the cheapest kernel that can takes its place, with the same results", if layers.len() == 1 { "" } else { "s" }, layers.join(", "))
            }
            Warning::TooFewChips { most, fewest } => {
                write!(f, "at most {most} chips cannot show that yield at that confidence: it takes {fewest}, all passing; raise --trials, or lower --yield or --confidence")
            }
            Warning::SmallImagesChanged { side_pixels } => write!(
                f,
                "images of {side_pixels} pixels a side hold too little to be shifted or turned, which is for photographs of 32 and more: train.crop = 0 and train.flip = false leave them as they are"
            ),
            Warning::DiskTooSmall { out, needed_bytes, free_bytes } => write!(
                f,
                "{out}: the results take about {:.1} MB, and its disk has {:.1} MB left; free some space, or choose another --out DIR",
                *needed_bytes as f64 / 1e6,
                *free_bytes as f64 / 1e6
            ),
            Warning::MixedAdapters(adapters) => write!(f, "the blocks were made on different adapters ({}); the integers are the same on all, but say so where you publish timings", adapters.join("; ")),
        }
    }
}
