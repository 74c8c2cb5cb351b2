//! What passes read from uniform buffers: each struct mirrors the WGSL struct of the same name and fields, where
//! the fields are explained. A test holds names, offsets and sizes together.

use crate::quantize::Window as TensorWindow;
use bytemuck::{Pod, Zeroable};

/// The uniform struct of a pass.
pub trait Uniform: Pod {
    /// The pass.
    const PASS: &'static str;
}

/// Defines structs with C layout; those with `in "PASS"` are the uniform of that pass. All list their fields for the test.
macro_rules! mirrors {
    ($($name:ident $(in $pass:literal)? { $($field:ident: $ty:ty,)* })*) => {
        $(
            #[repr(C)]
            #[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
            pub struct $name { $(pub $field: $ty,)* }
            $(impl Uniform for $name { const PASS: &'static str = $pass; })?
        )*
        /// Name, size and (field, offset) of every struct.
        #[cfg(test)]
        #[allow(clippy::type_complexity)]
        fn all() -> Vec<(&'static str, usize, Vec<(&'static str, usize)>)> {
            vec![$((stringify!($name), size_of::<$name>(), vec![$((stringify!($field), std::mem::offset_of!($name, $field)),)*]),)*]
        }
    };
}

mirrors! {
    Window {
        first_channel: u32,
        input_channels: u32,
        input_size: [u32; 2],
        kernel: [u32; 2],
        stride: [u32; 2],
        pad: [u32; 2],
        dilation: [u32; 2],
        out: [u32; 2],
        unused: [u32; 2],
    }
    Converter {
        top: u32,
        zero_index: i32,
        first: i32,
        base: i32,
        inverse: u32,
        fraction: u32,
        shift: u32,
        last: i32,
    }
    ProgramCells in "program_cells" {
        rows: u32,
        columns: u32,
        first_column: u32,
        outputs: u32,
        programmed: u32,
        converted: u32,
        slices: u32,
        offset: i32,
        cell_bits: u32,
        layer: u32,
        first_output: u32,
        saturation: i32,
        seed: [u32; 2],
        first_trial: u32,
        trials: u32,
        count: u32,
        antithetic: u32,
    }
    Gather in "gather" {
        window: Window,
        rows: u32,
        zero: u32,
        images: u32,
        positions: u32,
        input_trial_stride: u32,
        input_image_stride: u32,
        first_vector: u32,
        vectors: u32,
    }
    CrossbarMvm in "crossbar_mvm" {
        adc: Converter,
        rows: u32,
        first_group: u32,
        end_group: u32,
        columns: u32,
        first_column: u32,
        slices: u32,
        accumulators: u32,
        input_sum: u32,
        count: u32,
        of_trial: u32,
        first_vector: u32,
        vectors: u32,
    }
    Patterns in "patterns" {
        window: Window,
        units: u32,
        zero: u32,
        images: u32,
        positions: u32,
        input_trial_stride: u32,
        input_image_stride: u32,
        first_vector: u32,
        vectors: u32,
    }
    CodeTables in "code_tables" {
        adc: Converter,
        rows: u32,
        units: u32,
        index_bits: u32,
        dac_bits: u32,
        columns: u32,
        pairs: u32,
        slices: u32,
        trials: u32,
        flags: u32,
        count: u32,
        unused: [u32; 2],
    }
    LookUpCodes in "look_up_codes" {
        units: u32,
        index_bits: u32,
        columns: u32,
        first_column: u32,
        blocks: u32,
        units_at_once: u32,
        accumulators: u32,
        input_sum: u32,
        flags: u32,
        of_trial: u32,
        first_vector: u32,
        vectors: u32,
        first_unit: u32,
        end_unit: u32,
        unused: [u32; 2],
    }
    SumTables in "sum_tables" {
        rows: u32,
        units: u32,
        index_bits: u32,
        dac_bits: u32,
        columns: u32,
        width: u32,
        slices: u32,
        trials: u32,
    }
    LookUpSums in "look_up_sums" {
        adc: Converter,
        units: u32,
        index_bits: u32,
        first_group: u32,
        end_group: u32,
        columns: u32,
        first_column: u32,
        blocks: u32,
        slices: u32,
        accumulators: u32,
        input_sum: u32,
        count: u32,
        of_trial: u32,
        first_vector: u32,
        vectors: u32,
    }
    Requantize in "requantize" {
        prescale: u32,
        extra_prescale: u32,
        shift: u32,
        zero_point: i32,
        low: i32,
        high: i32,
        outputs: u32,
        first_output: u32,
        positions: u32,
        accumulators: u32,
        images: u32,
        out_stride: u32,
    }
    Add in "add" {
        terms: u32,
        shift: u32,
        zero: i32,
        low: i32,
        high: i32,
        first_multiplier: i32,
        first_zero: i32,
        first_trial_stride: u32,
        second_multiplier: i32,
        second_zero: i32,
        second_trial_stride: u32,
        of_trial: u32,
        trials: u32,
    }
    MaxPool in "max_pool" {
        window: Window,
        images: u32,
        trials: u32,
        input_trial_stride: u32,
        channels: u32,
    }
    AveragePool in "average_pool" {
        window: Window,
        images: u32,
        trials: u32,
        input_trial_stride: u32,
        channels: u32,
        input_zero: i32,
        zero: i32,
        multiplier: i32,
        shift: u32,
        low: i32,
        high: i32,
    }
    CopyChannels in "copy_channels" {
        input_size: [u32; 2],
        out_size: [u32; 2],
        stride: [u32; 2],
        channels: u32,
        out_channels: u32,
        first_channel: u32,
        images: u32,
        trials: u32,
        input_trial_stride: u32,
    }
    FillZero in "fill_zero" {
        zero: u32,
        elements: u32,
    }
    Tally in "tally" {
        classes: u32,
        images: u32,
        trials: u32,
        trial_stride: u32,
    }
    TrialCounters {
        clipped_low: u32,
        clipped_high: u32,
        saturated_low: u32,
        saturated_high: u32,
        correct: u32,
        unused: u32,
    }
}

fn pair(values: [usize; 2]) -> [u32; 2] {
    values.map(|v| v as u32)
}

impl Window {
    /// `window` over a tensor of `shape` [C, H, W].
    pub fn new(window: &TensorWindow, shape: [usize; 3]) -> Self {
        Window {
            first_channel: window.first_channel as u32,
            input_channels: shape[0] as u32,
            input_size: pair([shape[1], shape[2]]),
            kernel: pair(window.kernel),
            stride: pair(window.stride),
            pad: pair(window.pad),
            dilation: pair(window.dilation),
            out: pair(window.out),
            unused: [0; 2],
        }
    }
}

impl CopyChannels {
    /// The spatial part: from a tensor of shape `input` to one of shape `out`.
    pub fn sizes(input: [usize; 3], out: [usize; 3], stride: [usize; 2]) -> Self {
        CopyChannels {
            input_size: pair([input[1], input[2]]),
            out_size: pair([out[1], out[2]]),
            stride: pair(stride),
            channels: input[0] as u32,
            out_channels: out[0] as u32,
            ..CopyChannels::default()
        }
    }
}

impl TrialCounters {
    /// Conversions that were clipped.
    pub fn clipped(&self) -> u64 {
        u64::from(self.clipped_high) << 32 | u64::from(self.clipped_low)
    }
    /// Cells that were cut.
    pub fn saturated(&self) -> u64 {
        u64::from(self.saturated_high) << 32 | u64::from(self.saturated_low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::gpu::shaders;
    use wgpu::naga::{TypeInner, front::wgsl, valid};

    /// Every shader is valid WGSL without any optional capability, and its structs are ours. Needs no adapter.
    #[test]
    fn shaders_are_valid_and_structs_agree() {
        let mut compared = 0;
        for pass in shaders::PASSES {
            let source = shaders::source(pass);
            let module = wgsl::parse_str(&source).unwrap_or_else(|e| panic!("{pass}: {}", e.emit_to_string(&source)));
            let mut validator = valid::Validator::new(valid::ValidationFlags::all(), valid::Capabilities::empty());
            validator.validate(&module).unwrap_or_else(|e| panic!("{pass}: {}", e.emit_to_string(&source)));
            for (_, ty) in module.types.iter() {
                let (Some(name), TypeInner::Struct { members, span }) = (&ty.name, &ty.inner) else { continue };
                let theirs: Vec<_> = members.iter().map(|m| (m.name.clone().unwrap_or_default(), m.offset as usize)).collect();
                let Some((_, size, fields)) = all().into_iter().find(|s| s.0 == name) else { continue };
                let ours: Vec<_> = fields.iter().map(|f| (f.0.to_string(), f.1)).collect();
                assert_eq!((ours, size), (theirs, *span as usize), "{name} in {pass}");
                compared += 1;
            }
        }
        assert!(compared >= all().len(), "a struct has no mirror");
    }
}
