//! Runs a function of `shaders/shared` on the device by itself, for the tests that hold it to its mirror.

use super::GpuEngine;
use super::passes::{compile, dispatch};
use super::shaders::with_includes;
use crate::error::Result;

impl GpuEngine {
    /// Runs `wgsl` (its `// #include` lines resolved) with `inputs` at the bindings 0, 1, ... and an output of
    /// `words` words, which is returned, at the next one; `workgroups` of its entry point `main`.
    pub fn probe(&self, wgsl: &str, inputs: &[&[u32]], words: usize, workgroups: u32) -> Result<Vec<u32>> {
        let device = &self.device;
        let pipeline = compile(device, "probe", &with_includes(wgsl), &[])?;
        let mut buffers = inputs.iter().map(|values| device.upload("probe input", values)).collect::<Result<Vec<_>>>()?;
        buffers.push(device.storage("probe output", words as u64 * 4)?);
        let mut encoder = device.encoder();
        let bound = buffers.iter().map(|b| b.as_entire_binding());
        dispatch(device, &mut encoder, "probe", &pipeline, &pipeline.get_bind_group_layout(0), bound, [workgroups, 1]);
        device.submit(encoder, "probe")?;
        device.read(&buffers[inputs.len()], words, "probe")
    }
}
