//! An opened GPU: buffers, submissions, and its errors as ours. Nothing here panics on what a device can do.

use super::adapter::AdapterReport;
use super::timestamps::Timestamps;
use crate::error::{Error, Result};
use bytemuck::Pod;
use std::sync::{Arc, Mutex, PoisonError};
use wgpu::{Adapter, Buffer, BufferDescriptor, BufferUsages, CommandEncoder, DeviceDescriptor, Features, Limits, PollType, SubmissionIndex};

/// Bindings are indexed with 32-bit element numbers, and no larger than this on any adapter.
const LARGEST_BINDING: u64 = 2 << 30;

/// Bytes from one uniform to the next: what every adapter aligns them to, and the largest fits.
pub const UNIFORM_STRIDE: usize = 256;
/// Uniforms of a submission.
pub const UNIFORMS: usize = 1024;

/// What a device reported since it was last asked.
type Failure = Arc<Mutex<Option<Error>>>;

/// An opened adapter.
pub struct Device {
    /// The device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    /// Uniforms of what is submitted next. Whoever writes them holds `handing_over` until that is submitted.
    pub uniforms: Buffer,
    /// See `uniforms`.
    pub handing_over: Mutex<()>,
    /// What the adapter says of itself.
    pub report: AdapterReport,
    /// Largest storage buffer, in bytes.
    pub binding_bytes: u64,
    /// How long passes take, where that is asked for.
    pub timestamps: Timestamps,
    failure: Failure,
    /// Buffers of the last run, for the next: to make a gigabyte of them takes tens of milliseconds.
    spare: Mutex<Vec<Buffer>>,
}

impl Device {
    /// Opens `adapter` with the baseline of WebGPU, but with the largest buffers it has.
    pub fn open(adapter: &Adapter, report: AdapterReport) -> Result<Self> {
        let mut limits = Limits::default();
        limits.max_storage_buffer_binding_size = report.max_binding_bytes.max(limits.max_storage_buffer_binding_size);
        limits.max_buffer_size = report.max_buffer_bytes.max(limits.max_buffer_size);
        let binding_bytes = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size).min(LARGEST_BINDING);
        let required_features = adapter.features() & Features::TIMESTAMP_QUERY; // only looked at by benchmarks
        let descriptor = DeviceDescriptor { label: Some("bwq"), required_limits: limits, required_features, ..DeviceDescriptor::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|e| Error::no_gpu(format!("adapter `{}` cannot be opened: {e}", report.name)).hint("choose another with --adapter, or use --engine cpu"))?;
        let failure = Failure::default();
        // The first error counts; later ones mostly follow from it.
        let keep = |failure: &Failure, error: Error| {
            failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        };
        let (of_errors, of_loss) = (failure.clone(), failure.clone());
        device.on_uncaptured_error(Arc::new(move |e| keep(&of_errors, translated(&e))));
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                let hint = "run the same command again: finished blocks are kept; if it comes back, use --engine cpu";
                keep(&of_loss, Error::no_gpu(format!("the GPU was lost: {message}")).hint(hint));
            }
        });
        let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let uniforms = device.create_buffer(&BufferDescriptor { label: Some("uniforms"), size: (UNIFORMS * UNIFORM_STRIDE) as u64, usage, mapped_at_creation: false });
        Ok(Device { device, queue, uniforms, handing_over: Mutex::default(), report, binding_bytes, timestamps: Timestamps::default(), failure, spare: Mutex::default() })
    }

    /// The error since the last call, if there was one, as one of `place`.
    pub fn check(&self, place: &str) -> Result<()> {
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            None => Ok(()),
            Some(error) => Err(Error { place: Some(format!("GPU `{}`, {place}", self.report.name)), ..error }),
        }
    }

    /// A storage buffer of `bytes` bytes (at least one element), all zero.
    pub fn storage(&self, label: &str, bytes: u64) -> Result<Buffer> {
        if bytes > self.binding_bytes {
            return Err(self.too_large(label, bytes));
        }
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC;
        // Sixteen bytes: the widest element that a shader declares.
        let size = bytes.next_multiple_of(16).max(16);
        let buffer = self.device.create_buffer(&BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false });
        self.check(&format!("{label} of {} MiB", bytes >> 20))?;
        Ok(buffer)
    }

    /// A storage buffer of at least `bytes` bytes, whose contents mean nothing: a spare one that is not much larger, or a new
    /// one, for which spare ones make room.
    pub fn reuse(&self, label: &str, bytes: u64) -> Result<Buffer> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = (0..spare.len()).filter(|&i| (bytes..=2 * bytes).contains(&spare[i].size())).min_by_key(|&i| spare[i].size());
        if let Some(i) = fits {
            return Ok(spare.swap_remove(i));
        }
        match self.storage(label, bytes) {
            Err(_) if !spare.is_empty() => {
                spare.clear();
                self.wait(label)?;
                self.storage(label, bytes)
            }
            made => made,
        }
    }

    /// Keeps `buffers` for the next run.
    pub fn keep(&self, buffers: impl IntoIterator<Item = Buffer>) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).extend(buffers);
    }

    /// Gives up what is spare: a run has all it needs.
    pub fn forget_spare(&self) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A storage buffer that holds `values`.
    pub fn upload<T: Pod>(&self, label: &str, values: &[T]) -> Result<Buffer> {
        let buffer = self.storage(label, size_of_val(values) as u64)?;
        self.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(values));
        self.check(label)?;
        Ok(buffer)
    }

    /// Somewhere to record passes.
    pub fn encoder(&self) -> CommandEncoder {
        self.device.create_command_encoder(&Default::default())
    }

    /// Hands recorded passes to the GPU; what is returned can be waited for.
    pub fn submit(&self, encoder: CommandEncoder, place: &str) -> Result<SubmissionIndex> {
        let submission = self.queue.submit([encoder.finish()]);
        self.check(place)?;
        Ok(submission)
    }

    /// Waits until all that was submitted is done; memory of dropped buffers is free then.
    pub fn wait(&self, place: &str) -> Result<()> {
        self.poll(PollType::wait_indefinitely(), place)
    }

    /// Waits until `submission` and all before it are done.
    pub fn wait_for(&self, submission: SubmissionIndex, place: &str) -> Result<()> {
        self.poll(PollType::Wait { submission_index: Some(submission), timeout: None }, place)
    }

    fn poll(&self, until: PollType, place: &str) -> Result<()> {
        let polled = self.device.poll(until);
        self.check(place)?;
        polled.map(|_| ()).map_err(|e| Error::no_gpu(format!("{place}: waiting for the GPU failed: {e}")))
    }

    /// The first `count` elements of a storage buffer.
    pub fn read<T: Pod>(&self, buffer: &Buffer, count: usize, place: &str) -> Result<Vec<T>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        self.read_later(buffer, (count * size_of::<T>()) as u64, place)?.wait(self, place)
    }

    /// The first `size` bytes of a storage buffer as they are once all is done that was submitted so far; what is submitted
    /// after this call goes on meanwhile.
    pub fn read_later(&self, buffer: &Buffer, size: u64, place: &str) -> Result<ReadBack> {
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let staging = self.device.create_buffer(&BufferDescriptor { label: Some("read back"), size, usage, mapped_at_creation: false });
        let mut encoder = self.encoder();
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, size);
        let submission = self.submit(encoder, place)?;
        // A failure to map comes as an error of `get_mapped_range` in `wait`.
        staging.map_async(wgpu::MapMode::Read, .., |_| ());
        Ok(ReadBack { staging, submission })
    }

    /// A refusal of a buffer that no batching makes small enough.
    pub fn too_large(&self, what: &str, bytes: u64) -> Error {
        let message = format!("{what} takes {} MiB, and the adapter binds at most {} MiB at once", bytes.div_ceil(1 << 20), self.binding_bytes >> 20);
        Error { place: Some(format!("GPU `{}`", self.report.name)), ..Error::no_gpu(message).hint("use --engine cpu") }
    }
}

/// What is on its way back from the device.
pub struct ReadBack {
    staging: Buffer,
    submission: SubmissionIndex,
}

impl ReadBack {
    /// Waits for it.
    pub fn wait<T: Pod>(self, device: &Device, place: &str) -> Result<Vec<T>> {
        device.wait_for(self.submission, place)?;
        let view = self.staging.get_mapped_range(..).map_err(|e| Error::no_gpu(format!("{place}: results cannot be read back: {e}")))?;
        Ok(bytemuck::pod_collect_to_vec(&view))
    }
}

fn translated(error: &wgpu::Error) -> Error {
    match error {
        wgpu::Error::OutOfMemory { .. } => Error::no_gpu("out of memory").hint("close what else uses the GPU, choose another with --adapter, or use --engine cpu"),
        wgpu::Error::Validation { description, .. } => Error::internal(format!("the GPU library refused a call: {description}")),
        wgpu::Error::Internal { description, .. } => Error::no_gpu(format!("the driver failed: {description}")).hint("update the driver, or use --engine cpu"),
    }
}
