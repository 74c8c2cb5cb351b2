//! What the GPU can do at most: copies between buffers, and random 64-byte rows out of a table, which bound every
//! kernel that looks results up. Wall time of a submission, the fastest of some.

use super::GpuEngine;
use super::device::Device;
use super::passes::{compile, dispatch};
use crate::error::Result;
use crate::rng::PhiloxStream;
use serde::Serialize;
use std::time::Instant;

/// Invocations of a workgroup.
const LANES: u32 = 256;
/// Workgroups: some for every processor of the largest card.
const WORKGROUPS: u32 = 2048;
/// Invocations that read one row together, 16 bytes each.
const LANES_A_ROW: u32 = 4;
/// A measurement lasts at least this long, or else the reads are doubled.
const LEAST_S: f64 = 0.02;
/// Repeats of a measurement.
const REPEATS: usize = 5;
/// Most bytes of a copy.
const COPY_BYTES: u64 = 256 << 20;
/// Table that stands in storage buffers for what a kernel keeps near, KiB; and one that only the outer cache holds.
const STORAGE_KIB: [u32; 2] = [256, 4096];
/// Table in workgroup memory, KiB: what every adapter has.
const WORKGROUP_KIB: u32 = 16;

/// Rows are chosen by a linear congruential generator per row reader, so that nothing but rows is read.
const STORAGE_ROWS: &str = "
@group(0) @binding(0) var<storage, read> table: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> reads: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4<u32>>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let part = id.x % 4u;
    let mask = arrayLength(&table) / 4u - 1u;
    var state = (id.x / 4u) * 2654435761u + 12345u;
    var sum = vec4<u32>(0u);
    for (var i = 0u; i < reads[0]; i += 8u) {
        for (var j = 0u; j < 8u; j++) {
            state = state * 747796405u + 2891336453u;
            sum += table[((state >> 9u) & mask) * 4u + part];
        }
    }
    sums[id.x] = sum;
}
";

/// The same out of workgroup memory.
const WORKGROUP_ROWS: &str = "
const ENTRIES = 1024u;
@group(0) @binding(0) var<storage, read> table: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> reads: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4<u32>>;
var<workgroup> near: array<vec4<u32>, ENTRIES>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    for (var i = lane; i < ENTRIES; i += 256u) {
        near[i] = table[i];
    }
    workgroupBarrier();
    let part = id.x % 4u;
    var state = (id.x / 4u) * 2654435761u + 12345u;
    var sum = vec4<u32>(0u);
    for (var i = 0u; i < reads[0]; i += 8u) {
        for (var j = 0u; j < 8u; j++) {
            state = state * 747796405u + 2891336453u;
            sum += near[((state >> 9u) & (ENTRIES / 4u - 1u)) * 4u + part];
        }
    }
    sums[id.x] = sum;
}
";

/// Limits of a GPU.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpuLimits {
    /// Copies between two buffers, bytes read plus bytes written.
    pub copy_gb_per_s: f64,
    /// Bytes of one buffer of the copy.
    pub copy_mib: u64,
    /// Random rows by table.
    pub random_rows: Vec<GpuRowRate>,
}

/// Random 64-byte rows added to sums.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpuRowRate {
    /// `storage` or `workgroup`.
    pub memory: &'static str,
    /// Size of the table.
    pub table_kib: u32,
    /// Rows of all invocations in a second.
    pub rows_per_s: f64,
    /// Their bytes.
    pub gb_per_s: f64,
}

impl GpuLimits {
    /// Rows in a second from a table of `table_kib` in a storage buffer: of the smallest measured that is no smaller.
    pub fn rows_per_s(&self, table_kib: usize) -> Option<f64> {
        self.random_rows.iter().find(|r| r.memory == "storage" && r.table_kib as usize >= table_kib).map(|r| r.rows_per_s)
    }
}

impl GpuEngine {
    /// Measures the limits of this GPU.
    pub fn speed_limits(&self) -> Result<GpuLimits> {
        let device = &self.device;
        let mut random_rows = Vec::new();
        for kib in STORAGE_KIB {
            random_rows.push(row_rate(device, "storage", STORAGE_ROWS, kib)?);
        }
        random_rows.push(row_rate(device, "workgroup", WORKGROUP_ROWS, WORKGROUP_KIB)?);
        let bytes = COPY_BYTES.min(device.binding_bytes).min(if device.report.is_software { COPY_BYTES / 8 } else { COPY_BYTES });
        Ok(GpuLimits { copy_gb_per_s: copy(device, bytes)?, copy_mib: bytes >> 20, random_rows })
    }
}

fn row_rate(device: &Device, memory: &'static str, wgsl: &str, kib: u32) -> Result<GpuRowRate> {
    let pipeline = compile(device, memory, wgsl, &[])?;
    let mut random = PhiloxStream::new(u64::from(kib));
    let table: Vec<u32> = (0..kib * 256).map(|_| random.below(1 << 16)).collect();
    let table = device.upload("table", &table)?;
    let invocations = WORKGROUPS * LANES;
    let sums = device.storage("sums", u64::from(invocations) * 16)?;
    let run = |reads: u32| {
        let reads = device.upload("reads", &[reads])?;
        device.wait(memory)?;
        let mut encoder = device.encoder();
        let bound = [&table, &reads, &sums].map(|b| b.as_entire_binding());
        dispatch(device, &mut encoder, memory, &pipeline, &pipeline.get_bind_group_layout(0), bound.into_iter(), [WORKGROUPS, 1]);
        seconds_of(device, encoder, memory)
    };
    let mut reads = 8;
    run(reads)?; // compiles
    while run(reads)? < LEAST_S && reads < 1 << 20 {
        reads *= 2;
    }
    let seconds = fastest(|| run(reads))?;
    let rows_per_s = f64::from(invocations / LANES_A_ROW) * f64::from(reads) / seconds;
    Ok(GpuRowRate { memory, table_kib: kib, rows_per_s, gb_per_s: rows_per_s * 64e-9 })
}

fn copy(device: &Device, bytes: u64) -> Result<f64> {
    let (from, to) = (device.storage("copied", bytes)?, device.storage("copy", bytes)?);
    let run = |times: u32| {
        let mut encoder = device.encoder();
        (0..times).for_each(|_| encoder.copy_buffer_to_buffer(&from, 0, &to, 0, bytes));
        seconds_of(device, encoder, "copy")
    };
    run(1)?;
    let mut times = 1;
    while run(times)? < LEAST_S && times < 1 << 10 {
        times *= 2;
    }
    Ok(2.0 * bytes as f64 * f64::from(times) / fastest(|| run(times))? * 1e-9)
}

/// Seconds from handing the commands over until they are done.
fn seconds_of(device: &Device, encoder: wgpu::CommandEncoder, place: &str) -> Result<f64> {
    let started = Instant::now();
    device.submit(encoder, place)?;
    device.wait(place)?;
    Ok(started.elapsed().as_secs_f64())
}

fn fastest(run: impl Fn() -> Result<f64>) -> Result<f64> {
    (0..REPEATS).try_fold(f64::INFINITY, |least, _| Ok(run()?.min(least)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shaders compile and read rows at some rate, on whatever adapter there is.
    #[test]
    fn limits_are_measured() {
        let engine = match GpuEngine::new(std::env::var("BWQ_ADAPTER").ok().as_deref(), true) {
            Ok(engine) => engine,
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "a GPU adapter is required here: {error}");
                eprintln!("NOT RUN: no Vulkan adapter: {error}");
                return;
            }
        };
        let limits = engine.speed_limits().expect("limits");
        assert!(limits.copy_gb_per_s > 0.0 && limits.rows_per_s(256).is_some_and(|r| r > 0.0), "{limits:?}");
        assert!(limits.random_rows.iter().all(|r| r.gb_per_s > 0.0 && r.gb_per_s < 1e6), "{limits:?}");
    }
}
