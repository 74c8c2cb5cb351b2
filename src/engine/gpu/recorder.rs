//! Passes on their way to the device: recorded one after another and submitted together, so that the host is not what a short
//! pass waits for. Their uniforms lie in one buffer of the device, written once for a submission.

use super::batch::DISPATCH_WORK;
use super::device::{Device, UNIFORM_STRIDE, UNIFORMS};
use crate::error::Result;
use bytemuck::Pod;
use std::sync::PoisonError;
use wgpu::{BindingResource, BufferBinding, BufferSize, CommandEncoder, SubmissionIndex};

/// Passes that are recorded and not yet submitted. What is written to a buffer by the queue is there before them, so
/// a buffer that they read is written only after [`Recorder::submit`].
pub struct Recorder<'d> {
    device: &'d Device,
    encoder: CommandEncoder,
    uniforms: Vec<u8>,
    work: u64,
}

impl<'d> Recorder<'d> {
    /// Nothing is recorded yet.
    pub fn new(device: &'d Device) -> Self {
        Recorder { device, encoder: device.encoder(), uniforms: Vec::new(), work: 0 }
    }

    /// Puts a uniform beside the others, and says where the pass that is recorded next finds it.
    pub fn uniform<T: Pod>(&mut self, value: &T) -> BindingResource<'d> {
        const { assert!(size_of::<T>() <= UNIFORM_STRIDE) };
        if self.uniforms.len() == UNIFORMS * UNIFORM_STRIDE {
            self.hand_over(); // an error is found by the next check
        }
        let offset = self.uniforms.len();
        self.uniforms.extend_from_slice(bytemuck::bytes_of(value));
        self.uniforms.resize(offset + UNIFORM_STRIDE, 0);
        BindingResource::Buffer(BufferBinding { buffer: &self.device.uniforms, offset: offset as u64, size: BufferSize::new(size_of::<T>() as u64) })
    }

    /// Where the next pass goes.
    pub fn encoder(&mut self) -> &mut CommandEncoder {
        &mut self.encoder
    }

    /// Notes what was recorded, in cell reads times input steps, and submits it if that is as much as one dispatch may have.
    pub fn did(&mut self, work: u64, place: &str) -> Result<()> {
        self.work = self.work.saturating_add(work);
        if self.work >= DISPATCH_WORK { self.submit(place).map(|_| ()) } else { Ok(()) }
    }

    /// Hands all over that is recorded; what is returned can be waited for.
    pub fn submit(&mut self, place: &str) -> Result<SubmissionIndex> {
        let submission = self.hand_over();
        self.device.check(place)?;
        Ok(submission)
    }

    fn hand_over(&mut self) -> SubmissionIndex {
        let _alone = self.device.handing_over.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.uniforms.is_empty() {
            self.device.queue.write_buffer(&self.device.uniforms, 0, &self.uniforms);
        }
        self.uniforms.clear();
        self.work = 0;
        let recorded = std::mem::replace(&mut self.encoder, self.device.encoder());
        self.device.queue.submit([recorded.finish()])
    }
}
