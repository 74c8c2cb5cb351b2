//! How long each pass takes on the device, by its own clock. Off unless a benchmark asks for it.

use super::GpuEngine;
use super::device::Device;
use crate::error::{Error, Result};
use std::sync::{Mutex, PoisonError};
use wgpu::{BufferDescriptor, BufferUsages, CommandEncoder, ComputePass, ComputePassDescriptor, ComputePassTimestampWrites, Features, QuerySet, QuerySetDescriptor, QueryType};

/// Passes whose beginnings and ends one query set holds.
const PASSES_OF_A_SET: usize = 1024;

/// The time that a pass took.
#[derive(Debug, Clone, PartialEq)]
pub struct PassTime {
    /// Its name.
    pub pass: String,
    /// Of all its dispatches.
    pub nanoseconds: f64,
    /// How often it was dispatched.
    pub dispatches: u64,
}

/// The clock of a device: passes recorded while it runs, and where their times are written.
#[derive(Default)]
pub struct Timestamps(Mutex<Option<Recorded>>);

#[derive(Default)]
struct Recorded {
    names: Vec<String>,
    sets: Vec<QuerySet>,
}

impl Timestamps {
    /// Begins a compute pass, with its times written where they are asked for.
    pub fn begin<'a>(&self, device: &wgpu::Device, encoder: &'a mut CommandEncoder, name: &str) -> ComputePass<'a> {
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let timestamp_writes = recorded.as_mut().map(|r| r.next(device, name));
        encoder.begin_compute_pass(&ComputePassDescriptor { label: Some(name), timestamp_writes })
    }
}

impl Recorded {
    /// Where the next pass writes its times.
    fn next(&mut self, device: &wgpu::Device, name: &str) -> ComputePassTimestampWrites<'_> {
        let place = self.names.len() % PASSES_OF_A_SET;
        if place == 0 {
            let count = 2 * PASSES_OF_A_SET as u32;
            self.sets.push(device.create_query_set(&QuerySetDescriptor { label: Some("timestamps"), ty: QueryType::Timestamp, count }));
        }
        self.names.push(name.to_string());
        ComputePassTimestampWrites {
            query_set: &self.sets[self.sets.len() - 1],
            beginning_of_pass_write_index: Some(2 * place as u32),
            end_of_pass_write_index: Some(2 * place as u32 + 1),
        }
    }

    /// Times by pass, in the order of their first dispatch.
    fn times(&self, device: &Device) -> Result<Vec<PassTime>> {
        let period = f64::from(device.queue.get_timestamp_period());
        let mut times: Vec<PassTime> = Vec::new();
        for (set, names) in self.sets.iter().zip(self.names.chunks(PASSES_OF_A_SET)) {
            let size = 16 * names.len() as u64;
            let usage = BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC;
            let resolved = device.device.create_buffer(&BufferDescriptor { label: Some("timestamps"), size, usage, mapped_at_creation: false });
            let mut encoder = device.encoder();
            encoder.resolve_query_set(set, 0..2 * names.len() as u32, &resolved, 0);
            device.submit(encoder, "timestamps")?;
            let ticks: Vec<[u64; 2]> = device.read(&resolved, names.len(), "timestamps")?;
            for (name, [begin, end]) in names.iter().zip(ticks) {
                let nanoseconds = end.saturating_sub(begin) as f64 * period;
                match times.iter_mut().find(|t| t.pass == *name) {
                    Some(time) => (time.nanoseconds, time.dispatches) = (time.nanoseconds + nanoseconds, time.dispatches + 1),
                    None => times.push(PassTime { pass: name.clone(), nanoseconds, dispatches: 1 }),
                }
            }
        }
        Ok(times)
    }
}

impl GpuEngine {
    /// Whether the device has a clock for its passes.
    pub fn has_timestamps(&self) -> bool {
        self.device.device.features().contains(Features::TIMESTAMP_QUERY)
    }

    /// Does `work` with this engine and returns with its result how long every pass took on the device. Refused
    /// where the adapter has no timestamps.
    pub fn timed<T>(&self, work: impl FnOnce(&GpuEngine) -> Result<T>) -> Result<(T, Vec<PassTime>)> {
        if !self.has_timestamps() {
            return Err(Error::no_gpu(format!("adapter `{}` has no timestamps", self.adapter_name())).hint("measure the time that a call takes instead"));
        }
        let switch = |to| std::mem::replace(&mut *self.device.timestamps.0.lock().unwrap_or_else(PoisonError::into_inner), to);
        switch(Some(Recorded::default()));
        let result = work(self);
        let recorded = switch(None);
        let times = recorded.map_or_else(|| Ok(Vec::new()), |r| r.times(&self.device))?;
        Ok((result?, times))
    }
}
