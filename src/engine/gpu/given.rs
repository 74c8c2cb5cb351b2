//! Which adapters a job was given. Slurm, HyperQueue and users say so in `CUDA_VISIBLE_DEVICES`, which Vulkan ignores; the
//! two meet at the PCI bus id.
//!
//! What is assumed: a number counts the NVIDIA adapters that Vulkan shows, in the order of their PCI bus ids. That is the
//! order of `nvidia-smi`, of CUDA with `CUDA_DEVICE_ORDER=PCI_BUS_ID`, and of device files; where a job's cgroup hides other
//! devices, Slurm counts from 0 and Vulkan shows the job's only. A UUID is looked up in what the kernel driver says.

use super::adapter::AdapterReport;
use crate::error::{Error, Result};
use std::path::Path;

/// The variable.
const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";
/// Where NVIDIA's kernel driver describes its cards: a folder for each.
const CARDS: &str = "/proc/driver/nvidia/gpus";

/// What a job is told, and what the driver knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Told {
    /// `CUDA_VISIBLE_DEVICES`.
    pub visible: Option<String>,
    /// `CUDA_DEVICE_ORDER`.
    pub order: Option<String>,
    /// Cards of the kernel driver: (UUID, PCI bus id).
    pub cards: Vec<(String, String)>,
}

/// The adapters that a job was given, and why these.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// Numbers of adapters, the first to be taken first.
    pub adapters: Vec<usize>,
    /// What decided, for the user.
    pub why: String,
}

impl Told {
    /// As it is here.
    pub fn here() -> Self {
        let variable = |name| std::env::var(name).ok();
        Told { visible: variable(VISIBLE), order: variable("CUDA_DEVICE_ORDER"), cards: cards(Path::new(CARDS)) }
    }
}

/// The cards below a folder of the kernel driver.
fn cards(folder: &Path) -> Vec<(String, String)> {
    let card = |entry: std::fs::DirEntry| card(&std::fs::read_to_string(entry.path().join("information")).ok()?);
    let mut all: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().filter_map(card).collect();
    all.sort();
    all
}

/// (UUID, bus id) of a card's description.
fn card(information: &str) -> Option<(String, String)> {
    let value = |name: &str| information.lines().find_map(|l| Some(l.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim().to_string()));
    Some((value("GPU UUID")?, value("Bus Location")?))
}

/// Domain, bus, device, function of a PCI bus id: `0000:65:00.0`, `00000000:65:00.0`, `65:00.0` or `65:00`.
pub fn pci(text: &str) -> Option<(u32, u32, u32, u32)> {
    let hex = |s: &str| (!s.is_empty() && s.bytes().all(|b| b.is_ascii_hexdigit())).then(|| u32::from_str_radix(s, 16).ok()).flatten();
    let (rest, function) = text.trim().split_once('.').map_or((text.trim(), Some(0)), |(rest, f)| (rest, hex(f)));
    match rest.split(':').map(hex).collect::<Option<Vec<u32>>>()?.as_slice() {
        [bus, device] => Some((0, *bus, *device, function?)),
        [domain, bus, device] => Some((*domain, *bus, *device, function?)),
        _ => None,
    }
}

/// The adapters of a job: all (`None`) where nobody says anything, those of the variable otherwise. Adapters of other makers
/// are not its business: they are what is left where it gives no NVIDIA device at all.
///
/// # Errors
/// If a device that was given is not among the adapters, or cannot be found out.
pub fn given(adapters: &[AdapterReport], told: &Told) -> Result<Option<Given>> {
    let Some(visible) = told.visible.as_deref() else { return Ok(None) };
    let mut nvidia: Vec<&AdapterReport> = adapters.iter().filter(|a| a.is_nvidia).collect();
    nvidia.sort_by_key(|a| (pci(&a.pci_bus_id), a.index));
    nvidia.dedup_by_key(|a| pci(&a.pci_bus_id).map_or((true, a.index as u32, 0, 0, 0), |(d, b, v, f)| (false, d, b, v, f)));
    let wanted: Vec<&str> = visible.split(',').map(str::trim).collect();
    if ["", "-1", "NoDevFiles"].contains(&wanted[0]) {
        if nvidia.is_empty() {
            return Ok(None); // Nothing is withheld.
        }
        let others = adapters.iter().filter(|a| !a.is_nvidia).map(|a| a.index).collect();
        return Ok(Some(Given { adapters: others, why: format!("{VISIBLE}={visible} gives no NVIDIA device") }));
    }
    if nvidia.is_empty() && told.cards.is_empty() {
        return Ok(None); // Set for a machine that this one is not.
    }
    let found: Vec<usize> = wanted.iter().map(|w| find(w, &nvidia, told)).collect::<Result<_>>()?;
    let mixed = nvidia.iter().any(|a| a.name != nvidia[0].name) && told.order.as_deref() != Some("PCI_BUS_ID");
    let numbers = wanted.iter().any(|w| w.parse::<usize>().is_ok());
    let why = match (numbers, mixed) {
        (false, _) => format!("{VISIBLE}={visible}"),
        (true, false) => format!("{VISIBLE}={visible}, counted by PCI bus id"),
        (true, true) => format!("{VISIBLE}={visible}, counted by PCI bus id; CUDA counts so with CUDA_DEVICE_ORDER=PCI_BUS_ID only, as these devices differ"),
    };
    Ok(Some(Given { adapters: found, why }))
}

/// The adapter of one device of the list.
fn find(wanted: &str, nvidia: &[&AdapterReport], told: &Told) -> Result<usize> {
    let refuse = |why: String| Error::no_gpu(format!("{VISIBLE}={}: {why}", told.visible.as_deref().unwrap_or_default())).hint("`bwq doctor` tells what is there and what to ask for; --adapter takes another one, --engine cpu none");
    let shown = if nvidia.is_empty() { "none".to_string() } else { nvidia.iter().map(|a| a.pci_bus_id.as_str()).collect::<Vec<_>>().join(", ") };
    if wanted.starts_with("MIG-") {
        return Err(refuse(format!("{wanted} is a part of a GPU (MIG), which Vulkan cannot use: ask for a whole one")));
    }
    if let Ok(number) = wanted.parse::<usize>() {
        let at = nvidia.get(number).map(|a| a.index);
        return at.ok_or_else(|| refuse(format!("device {number} is not among the NVIDIA adapters of Vulkan ({shown})")));
    }
    let cards: Vec<&(String, String)> = told.cards.iter().filter(|(uuid, _)| wanted.starts_with("GPU-") && uuid.starts_with(wanted)).collect();
    match cards[..] {
        [(_, bus)] => {
            let at = nvidia.iter().find(|a| pci(&a.pci_bus_id).is_some() && pci(&a.pci_bus_id) == pci(bus)).map(|a| a.index);
            at.ok_or_else(|| refuse(format!("the device is at PCI {bus}, which is not among the NVIDIA adapters of Vulkan ({shown})")))
        }
        [] => Err(refuse(format!("no card that the driver names in {CARDS} is {wanted}"))),
        _ => Err(refuse(format!("{wanted} is the beginning of several cards' UUIDs"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four cards, out of order as Vulkan may list them, the software adapter first.
    fn adapters() -> Vec<AdapterReport> {
        let one = |index, is_nvidia, bus: &str| AdapterReport { index, name: if is_nvidia { "NVIDIA H100" } else { "llvmpipe" }.into(), is_nvidia, is_software: !is_nvidia, pci_bus_id: bus.into(), ..AdapterReport::default() };
        vec![one(0, false, ""), one(1, true, "0000:c1:00.0"), one(2, true, "0000:18:00.0"), one(3, true, "0001:02:00.0"), one(4, true, "0000:65:00.0")]
    }

    fn told(visible: &str) -> Told {
        let cards = [("GPU-aa11", "0000:18:00.0"), ("GPU-aa22", "0000:65:00.0"), ("GPU-bb33", "0000:c1:00.0"), ("GPU-cc44", "0000:99:00.0")];
        Told { visible: Some(visible.into()), order: None, cards: cards.map(|(u, b)| (u.to_string(), b.to_string())).to_vec() }
    }

    fn taken(visible: &str) -> Vec<usize> {
        given(&adapters(), &told(visible)).unwrap().unwrap().adapters
    }

    #[test]
    fn numbers_count_by_bus_and_uuids_are_looked_up() {
        assert_eq!(given(&adapters(), &Told::default()).unwrap(), None);
        assert_eq!(taken("0"), [2]);
        assert_eq!(taken("3,1"), [3, 4], "domains come first; the list's order holds");
        assert_eq!(taken("GPU-bb33"), [1]);
        assert_eq!(taken(" GPU-bb , 2"), [1, 1], "a beginning will do");
        for none in ["", "-1", "NoDevFiles"] {
            assert_eq!(taken(none), [0], "{none}");
        }
    }

    #[test]
    fn what_is_not_there_is_refused() {
        for (visible, why) in [("4", "device 4"), ("GPU-aa", "several"), ("GPU-zz", "no card"), ("GPU-cc44", "PCI 0000:99:00.0"), ("MIG-1", "MIG"), ("zero", "no card"), ("0,9", "device 9")] {
            let error = given(&adapters(), &told(visible)).unwrap_err();
            assert!(error.exit_code() == 69 && error.message.contains(why) && error.message.contains(visible), "{visible}: {error}");
        }
        // A driver without Vulkan: the job has a device, and no adapter.
        assert!(given(&adapters()[..1], &told("0")).unwrap_err().message.contains("(none)"));
        // Nothing of NVIDIA here: the variable is of another machine.
        assert_eq!(given(&adapters()[..1], &Told { cards: Vec::new(), ..told("0") }).unwrap(), None);
        assert_eq!(given(&adapters()[..1], &told("")).unwrap(), None);
    }

    #[test]
    fn what_is_assumed_is_said() {
        let mut different = adapters();
        different[1].name = "NVIDIA L4".into();
        let why = |adapters: &[AdapterReport], told: &Told| given(adapters, told).unwrap().unwrap().why;
        assert!(why(&adapters(), &told("0")).ends_with("counted by PCI bus id"));
        assert!(why(&different, &told("0")).contains("CUDA_DEVICE_ORDER"));
        assert!(!why(&different, &Told { order: Some("PCI_BUS_ID".into()), ..told("0") }).contains("CUDA_DEVICE_ORDER"));
        assert!(!why(&different, &told("GPU-bb33")).contains("counted"));
    }

    #[test]
    fn bus_ids_have_several_forms() {
        let same = ["0000:65:00.0", "00000000:65:00.0", "65:00.0", "65:00"].map(pci);
        assert!(same.iter().all(|p| *p == Some((0, 0x65, 0, 0))), "{same:?}");
        assert_eq!(["", "2", "llvmpipe", "a:b:c:d", "65:0x.0", "65:00.", "65:+1.0"].map(pci), [None; 7]);
    }

    #[test]
    fn cards_are_read_from_the_drivers_files() {
        let dir = tempfile::tempdir().unwrap();
        let card = dir.path().join("0000:65:00.0");
        std::fs::create_dir(&card).unwrap();
        std::fs::write(card.join("information"), "Model: \t\t NVIDIA H100\nIRQ:   \t\t 18\nGPU UUID: \t GPU-1234-ab\nBus Type: \t PCIe\nBus Location: \t 0000:65:00.0\n").unwrap();
        std::fs::create_dir(dir.path().join("empty")).unwrap();
        assert_eq!(cards(dir.path()), [("GPU-1234-ab".to_string(), "0000:65:00.0".to_string())]);
        assert_eq!(cards(&dir.path().join("absent")), []);
    }
}
