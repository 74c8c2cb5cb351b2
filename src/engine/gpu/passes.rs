//! Compute pipelines, one per pass. The type of a pass is that of its uniform, so the two cannot be mixed up.

use super::converter::Rule;
use super::device::Device;
use super::layout::{self, Uniform};
use super::recorder::Recorder;
use super::shaders;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use wgpu::{BindGroupDescriptor, BindGroupEntry, BindGroupLayout, BindingResource, Buffer, CommandEncoder, ComputePipeline, ComputePipelineDescriptor, PipelineCompilationOptions, ShaderModuleDescriptor, ShaderSource};

/// Invocations of a workgroup of a folded pass. Mirror: `LANES` in `shaders/shared/grid.wgsl`.
const LANES: u64 = 64;
/// Workgroups of a dispatch per dimension, on every adapter.
const MAX_WORKGROUPS: u32 = 65535;
/// Largest number of input steps: three vectors of four in the shaders of products.
const MAX_INPUT_STEPS: u32 = 12;

/// A pass: a shader ready to run.
pub struct Pass<U> {
    pipeline: ComputePipeline,
    layout: BindGroupLayout,
    uniform: PhantomData<U>,
}

impl<U: Uniform> Pass<U> {
    /// Compiles the pass; `constants` are the shader's `override`s.
    fn new(device: &Device, constants: &[(&str, f64)]) -> Result<Self> {
        let pipeline = compile(device, U::PASS, &shaders::source(U::PASS), constants)?;
        Ok(Pass { layout: pipeline.get_bind_group_layout(0), pipeline, uniform: PhantomData })
    }

    /// Records the pass over `workgroups`: bindings are `uniform`, then `buffers` in the shader's order.
    pub fn record(&self, device: &Device, recorder: &mut Recorder, uniform: &U, buffers: &[&Buffer], workgroups: [u32; 2]) {
        let bound = std::iter::once(recorder.uniform(uniform)).chain(buffers.iter().map(|b| b.as_entire_binding()));
        dispatch(device, recorder.encoder(), U::PASS, &self.pipeline, &self.layout, bound, workgroups);
    }

    /// Records a pass of `invocations` in a row, folded over two dimensions. Mirror: `shaders/shared/grid.wgsl`.
    pub fn record_folded(&self, device: &Device, recorder: &mut Recorder, uniform: &U, buffers: &[&Buffer], invocations: u64) {
        self.record_workgroups(device, recorder, uniform, buffers, invocations.div_ceil(LANES));
    }

    /// Records a pass of `workgroups` workgroups in a row, folded over two dimensions.
    pub fn record_workgroups(&self, device: &Device, recorder: &mut Recorder, uniform: &U, buffers: &[&Buffer], workgroups: u64) {
        let wide = workgroups.clamp(1, u64::from(MAX_WORKGROUPS));
        self.record(device, recorder, uniform, buffers, [wide as u32, workgroups.div_ceil(wide) as u32]);
    }
}

/// Compiles the entry point `main` of a shader.
pub fn compile(device: &Device, name: &str, source: &str, constants: &[(&str, f64)]) -> Result<ComputePipeline> {
    let module = device.device.create_shader_module(ShaderModuleDescriptor { label: Some(name), source: ShaderSource::Wgsl(source.into()) });
    let pipeline = device.device.create_compute_pipeline(&ComputePipelineDescriptor {
        label: Some(name),
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: PipelineCompilationOptions { constants, ..Default::default() },
        cache: None,
    });
    device.check(&format!("shader `{name}`"))?;
    Ok(pipeline)
}

/// Records a dispatch with `bound` at the bindings 0, 1, ...
pub fn dispatch<'a>(
    device: &Device,
    encoder: &mut CommandEncoder,
    name: &str,
    pipeline: &ComputePipeline,
    layout: &BindGroupLayout,
    bound: impl Iterator<Item = BindingResource<'a>>,
    workgroups: [u32; 2],
) {
    let entries: Vec<BindGroupEntry> = (0..).zip(bound).map(|(binding, resource)| BindGroupEntry { binding, resource }).collect();
    let group = device.device.create_bind_group(&BindGroupDescriptor { label: Some(name), layout, entries: &entries });
    let mut pass = device.timestamps.begin(&device.device, encoder, name);
    pass.set_pipeline(pipeline);
    pass.set_bind_group(0, &group, &[]);
    pass.dispatch_workgroups(workgroups[0], workgroups[1], 1);
}

/// What a pipeline of a product is compiled for, so that shaders hold no branch on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Variant {
    /// Steps in which an input is applied.
    pub input_steps: u32,
    /// Bits of a step.
    pub dac_bits: u32,
    /// How sums are converted.
    pub rule: Rule,
}

/// A pass compiled for each variant when it is first used.
pub struct PassByVariant<U> {
    /// The `override`s that the shader has.
    constants: &'static [&'static str],
    compiled: Mutex<HashMap<Variant, Arc<Pass<U>>>>,
}

impl<U: Uniform> PassByVariant<U> {
    fn new(constants: &'static [&'static str]) -> Self {
        PassByVariant { constants, compiled: Mutex::default() }
    }

    /// The pass for `variant`.
    pub fn get(&self, device: &Device, variant: Variant) -> Result<Arc<Pass<U>>> {
        let steps = variant.input_steps;
        if !(1..=MAX_INPUT_STEPS).contains(&steps) {
            return Err(Error::internal(format!("{steps} input steps; the shader takes 1 to {MAX_INPUT_STEPS}")));
        }
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pass) = compiled.get(&variant) {
            return Ok(pass.clone());
        }
        let all = [("INPUT_STEPS", steps), ("DAC_BITS", variant.dac_bits), ("CONVERSION", variant.rule as u32)];
        let constants: Vec<_> = all.into_iter().filter(|c| self.constants.contains(&c.0)).map(|(name, value)| (name, f64::from(value))).collect();
        let pass = Arc::new(Pass::new(device, &constants)?);
        compiled.insert(variant, pass.clone());
        Ok(pass)
    }
}

/// All passes.
pub struct Passes {
    /// Conductances of cells.
    pub program_cells: Pass<layout::ProgramCells>,
    /// Inputs of every row.
    pub gather: Pass<layout::Gather>,
    /// The product term by term.
    pub crossbar_mvm: PassByVariant<layout::CrossbarMvm>,
    /// Patterns of driven rows.
    pub patterns: PassByVariant<layout::Patterns>,
    /// Tables of codes.
    pub code_tables: PassByVariant<layout::CodeTables>,
    /// The product from tables of codes.
    pub look_up_codes: PassByVariant<layout::LookUpCodes>,
    /// Tables of currents.
    pub sum_tables: Pass<layout::SumTables>,
    /// The product from tables of currents.
    pub look_up_sums: PassByVariant<layout::LookUpSums>,
    /// Accumulators to outputs.
    pub requantize: Pass<layout::Requantize>,
    /// Sum of tensors.
    pub add: Pass<layout::Add>,
    /// Maximum over a window.
    pub max_pool: Pass<layout::MaxPool>,
    /// Mean over a window.
    pub average_pool: Pass<layout::AveragePool>,
    /// Concatenation, subsampling, padding of channels.
    pub copy_channels: Pass<layout::CopyChannels>,
    /// Constant tensor.
    pub fill_zero: Pass<layout::FillZero>,
    /// Arg-max against the label.
    pub tally: Pass<layout::Tally>,
}

impl Passes {
    /// Compiles the passes.
    pub fn new(device: &Device) -> Result<Self> {
        Ok(Passes {
            program_cells: Pass::new(device, &[])?,
            gather: Pass::new(device, &[])?,
            crossbar_mvm: PassByVariant::new(&["INPUT_STEPS", "DAC_BITS", "CONVERSION"]),
            patterns: PassByVariant::new(&["INPUT_STEPS", "DAC_BITS"]),
            code_tables: PassByVariant::new(&["CONVERSION"]),
            look_up_codes: PassByVariant::new(&["INPUT_STEPS", "DAC_BITS"]),
            sum_tables: Pass::new(device, &[])?,
            look_up_sums: PassByVariant::new(&["INPUT_STEPS", "DAC_BITS", "CONVERSION"]),
            requantize: Pass::new(device, &[])?,
            add: Pass::new(device, &[])?,
            max_pool: Pass::new(device, &[])?,
            average_pool: Pass::new(device, &[])?,
            copy_channels: Pass::new(device, &[])?,
            fill_zero: Pass::new(device, &[])?,
            tally: Pass::new(device, &[])?,
        })
    }
}
