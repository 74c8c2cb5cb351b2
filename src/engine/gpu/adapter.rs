//! Which GPU: lists the adapters, chooses one by the user's word, and says what to do where there is none.

use super::given::{Told, given, pci};
use crate::error::{Error, Result};
use wgpu::{Adapter, AdapterInfo, Backends, DeviceType, Instance, InstanceDescriptor, InstanceFlags, RequestAdapterOptions};

/// How to get a software adapter, for a machine without a GPU.
const SOFTWARE_HINT: &str = "use --engine cpu; or install a software adapter (Debian, Ubuntu: apt-get install mesa-vulkan-drivers) and ask for it with --engine gpu";

/// The PCI vendor's number.
const NVIDIA: u32 = 0x10de;

/// An adapter as `doctor` shows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AdapterReport {
    /// Number for `--adapter`.
    pub index: usize,
    /// Name.
    pub name: String,
    /// `discrete GPU`, `integrated GPU`, `virtual GPU`, `software` or `other`.
    pub kind: &'static str,
    /// True for a card with memory of its own.
    pub is_discrete: bool,
    /// True for an adapter that computes on the CPU, such as lavapipe.
    pub is_software: bool,
    /// True for a device of NVIDIA, by its PCI vendor.
    pub is_nvidia: bool,
    /// Programming interface, `vulkan` say.
    pub backend: String,
    /// Driver and its version.
    pub driver: String,
    /// PCI bus id (`0000:65:00.0`), empty if it has none.
    pub pci_bus_id: String,
    /// Largest storage buffer a shader can bind, in bytes.
    pub max_binding_bytes: u64,
    /// Largest buffer, in bytes.
    pub max_buffer_bytes: u64,
    /// Workgroup memory, in bytes.
    pub workgroup_memory_bytes: u32,
    /// Invocations of a workgroup.
    pub max_invocations: u32,
}

/// All adapters, in the order of their numbers.
///
/// On a machine without a desktop, Mesa's device-select layer may print `XDG_RUNTIME_DIR is invalid`; it is
/// harmless, and the environment variable `NODEVICE_SELECT=1` silences it.
pub fn list_adapters() -> Vec<AdapterReport> {
    all(&instance()).iter().enumerate().map(|(index, adapter)| report(index, adapter)).collect()
}

fn instance() -> Instance {
    // Without validation layers, even in a debug build: shaders and calls are validated by wgpu itself.
    Instance::new(InstanceDescriptor { flags: InstanceFlags::empty(), ..InstanceDescriptor::new_without_display_handle() })
}

fn all(instance: &Instance) -> Vec<Adapter> {
    pollster::block_on(instance.enumerate_adapters(Backends::all()))
}

fn report(index: usize, adapter: &Adapter) -> AdapterReport {
    let (info, limits) = (adapter.get_info(), adapter.limits());
    AdapterReport {
        index,
        kind: kind(info.device_type),
        is_discrete: info.device_type == DeviceType::DiscreteGpu,
        is_software: info.device_type == DeviceType::Cpu,
        is_nvidia: info.vendor == NVIDIA,
        backend: info.backend.to_string(),
        driver: driver(&info),
        name: info.name,
        pci_bus_id: info.device_pci_bus_id,
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        max_buffer_bytes: limits.max_buffer_size,
        workgroup_memory_bytes: limits.max_compute_workgroup_storage_size,
        max_invocations: limits.max_compute_invocations_per_workgroup,
    }
}

fn kind(device_type: DeviceType) -> &'static str {
    match device_type {
        DeviceType::DiscreteGpu => "discrete GPU",
        DeviceType::IntegratedGpu => "integrated GPU",
        DeviceType::VirtualGpu => "virtual GPU",
        DeviceType::Cpu => "software",
        DeviceType::Other => "other",
    }
}

fn driver(info: &AdapterInfo) -> String {
    [info.driver.as_str(), info.driver_info.as_str()].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Chooses an adapter. `selector`: its number, a part of its name, or its PCI bus id; whoever names one gets it,
/// software or not. Without it the first that the job was given, else the best one, a software adapter last and only if
/// `allow_software`. Also says what decided.
pub fn choose(selector: Option<&str>, allow_software: bool) -> Result<(Adapter, AdapterReport, String)> {
    let instance = instance();
    let adapters = all(&instance);
    let reports: Vec<AdapterReport> = adapters.iter().enumerate().map(|(i, a)| report(i, a)).collect();
    if reports.is_empty() {
        let reason = pollster::block_on(instance.request_adapter(&RequestAdapterOptions::default())).err().map_or(String::new(), |e| format!(": {e}"));
        return Err(Error::no_gpu(format!("no GPU adapter found{reason}")).hint(SOFTWARE_HINT));
    }
    let (chosen, why) = match selector {
        Some(selector) => (select(&reports, selector)?, format!("--adapter {selector}")),
        None => of_job(&reports, &Told::here(), allow_software)?,
    };
    let adapter = adapters.into_iter().nth(chosen).ok_or_else(|| Error::internal("an adapter's number is wrong"))?;
    Ok((adapter, reports[chosen].clone(), why))
}

/// The first adapter that a job was given; the best of all where it was told nothing.
fn of_job(reports: &[AdapterReport], told: &Told, allow_software: bool) -> Result<(usize, String)> {
    let Some(given) = given(reports, told)? else { return Ok((best(reports, allow_software)?, "the best one".into())) };
    let own: Vec<AdapterReport> = given.adapters.iter().map(|&i| reports[i].clone()).collect();
    match own.first() {
        Some(first) if first.is_nvidia => Ok((first.index, given.why)),
        Some(_) => Ok((best(&own, allow_software).map_err(|e| Error::no_gpu(format!("{}; {}", given.why, e.message)))?, given.why)),
        None => Err(Error::no_gpu(given.why).hint("ask for a GPU (sbatch --gres=gpu:1), or use --engine cpu")),
    }
}

fn select(reports: &[AdapterReport], selector: &str) -> Result<usize> {
    let wanted = selector.trim().to_lowercase();
    let by_number = || wanted.parse::<usize>().ok().filter(|&i| i < reports.len());
    let by_bus = || pci(&wanted).and_then(|_| reports.iter().position(|r| pci(&r.pci_bus_id) == pci(&wanted)));
    let by_name = || reports.iter().position(|r| !wanted.is_empty() && r.name.to_lowercase().contains(&wanted));
    by_number().or_else(by_bus).or_else(by_name).ok_or_else(|| {
        Error::no_gpu(format!("no adapter answers to `--adapter {selector}`")).hint(format!("there are:\n{}", names(reports)))
    })
}

fn best(reports: &[AdapterReport], allow_software: bool) -> Result<usize> {
    let rank = |r: &AdapterReport| match r.kind {
        "discrete GPU" => 0,
        "integrated GPU" => 1,
        "virtual GPU" => 2,
        "other" => 3,
        _ => 4,
    };
    let found = reports.iter().filter(|r| allow_software || !r.is_software).min_by_key(|r| (rank(r), r.index));
    found.map(|r| r.index).ok_or_else(|| {
        let message = format!("only software adapters found, which are slower than the CPU engine:\n{}", names(reports));
        Error::no_gpu(message).hint("use --engine cpu, or ask for one with --engine gpu or --adapter")
    })
}

fn names(reports: &[AdapterReport]) -> String {
    let line = |r: &AdapterReport| format!("  {}: {} ({}, {}) {}", r.index, r.name, r.kind, r.backend, r.pci_bus_id).trim_end().to_string();
    reports.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports() -> Vec<AdapterReport> {
        let one = |index, name: &str, kind, bus: &str| AdapterReport {
            index,
            name: name.into(),
            kind,
            is_software: kind == "software",
            is_nvidia: name.starts_with("NVIDIA"),
            backend: "vulkan".into(),
            pci_bus_id: bus.into(),
            ..AdapterReport::default()
        };
        vec![one(0, "llvmpipe (LLVM 15)", "software", ""), one(1, "NVIDIA H200", "discrete GPU", "0000:65:00.0"), one(2, "NVIDIA H200", "discrete GPU", "0000:66:00.0")]
    }

    #[test]
    fn an_adapter_is_chosen_by_number_bus_or_name() {
        let r = reports();
        assert_eq!(["2", "0000:66:00.0", "66:00.0", "h200", "LLVM"].map(|s| select(&r, s).ok()), [Some(2), Some(2), Some(2), Some(1), Some(0)]);
        let refusal = select(&r, "amd").expect_err("a refusal").to_string();
        assert!(refusal.contains("--adapter amd") && refusal.contains("1: NVIDIA H200"), "{refusal}");
    }

    #[test]
    fn software_is_the_last_resort() {
        let r = reports();
        assert_eq!(best(&r, true).ok(), Some(1));
        assert_eq!(best(&r[..1], true).ok(), Some(0));
        assert_eq!(best(&r[..1], false).map_err(|e| e.exit_code()), Err(69));
    }

    #[test]
    fn a_job_takes_what_it_was_given() {
        let r = reports();
        let told = |visible: Option<&str>| Told { visible: visible.map(str::to_string), ..Told::default() };
        assert_eq!(of_job(&r, &told(None), true).map(|c| c.0).ok(), Some(1));
        assert_eq!(of_job(&r, &told(Some("1")), false).map(|c| c.0).ok(), Some(2));
        // None of NVIDIA's: what is left is software, which has to be asked for.
        assert_eq!(of_job(&r, &told(Some("")), true).map(|c| c.0).ok(), Some(0));
        for refused in [of_job(&r, &told(Some("")), false), of_job(&r[1..2], &told(Some("")), true), of_job(&r, &told(Some("2")), true)] {
            let error = refused.expect_err("a refusal");
            assert!(error.exit_code() == 69 && error.message.contains("CUDA_VISIBLE_DEVICES"), "{error}");
        }
    }
}
