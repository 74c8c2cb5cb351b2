//! What a machine, a container or a job gives the program, and what to ask an administrator for where it lacks something.
//!
//! Facts are read once, below a root folder, so that a test can make them up; findings follow from facts alone.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

/// Variables that decide which adapter or how many cores a job gets, and who gave them.
pub const VARIABLES: [&str; 23] = [
    "VK_DRIVER_FILES",
    "VK_ICD_FILENAMES",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_DRIVER_CAPABILITIES",
    "APPTAINER_CONTAINER",
    "SINGULARITY_CONTAINER",
    "RAYON_NUM_THREADS",
    "SLURM_JOB_ID",
    "SLURM_ARRAY_JOB_ID",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_CPUS_PER_TASK",
    "SLURM_CPUS_ON_NODE",
    "SLURM_JOB_GPUS",
    "SLURM_STEP_GPUS",
    "SLURM_RESTART_COUNT",
    "SLURM_CONF",
    "HQ_JOB_ID",
    "HQ_TASK_ID",
    "HQ_CPUS",
    "PBS_JOBID",
    "LSB_JOBID",
];
/// Where drivers announce themselves to the Vulkan loader.
const DRIVER_FOLDERS: [&str; 4] = ["usr/share/vulkan/icd.d", "etc/vulkan/icd.d", "usr/local/share/vulkan/icd.d", "usr/local/etc/vulkan/icd.d"];
/// Where libraries lie, beside the folders of each architecture in `usr/lib`.
const LIBRARY_FOLDERS: [&str; 5] = ["usr/lib", "usr/lib64", "lib64", "usr/local/lib", "usr/local/lib64"];
/// Where a Slurm's configuration lies; the last is that of sites which keep it on the controller.
const SLURM_FILES: [&str; 3] = ["etc/slurm/slurm.conf", "etc/slurm-llnl/slurm.conf", "run/slurm/conf/slurm.conf"];

/// Facts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Surroundings {
    /// Those of [`VARIABLES`] that are set.
    pub variables: BTreeMap<String, String>,
    /// Files by which Vulkan drivers announce themselves.
    pub drivers: Vec<String>,
    /// The Vulkan loader is installed.
    pub has_loader: bool,
    /// NVIDIA's kernel driver is loaded, or its devices are here.
    pub has_nvidia: bool,
    /// The part of NVIDIA's driver that has Vulkan is installed.
    pub has_nvidia_vulkan: bool,
    /// Render nodes, and whether this user may open them.
    pub render_nodes: Vec<(String, bool)>,
    /// The process runs in a container.
    pub in_container: bool,
    /// Cores of the machine; 0 if unknown.
    pub cores: usize,
    /// Cores that affinity and cgroup let the process use: the threads it starts by default.
    pub allowed_cores: usize,
    /// Slurm's configuration: keys in small letters, values; empty if it is not here.
    pub slurm: BTreeMap<String, String>,
    /// Vulkan adapters that are hardware.
    pub hardware_adapters: usize,
    /// Those of NVIDIA.
    pub nvidia_adapters: usize,
}

/// Something that is wrong, and what to ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What is wrong.
    pub wrong: String,
    /// What mends it, as one can ask an administrator for it.
    pub ask: String,
}

impl Surroundings {
    /// Reads the facts below `root` (`/`); `variable` looks an environment variable up. Adapters are the engine's to count.
    pub fn read(root: &Path, variable: impl Fn(&str) -> Option<String>) -> Self {
        let exists = |path: &str| root.join(path).exists();
        let variables: BTreeMap<String, String> = VARIABLES.iter().filter_map(|v| Some(((*v).to_string(), variable(v)?))).collect();
        let mut libraries: Vec<PathBuf> = LIBRARY_FOLDERS.iter().map(|f| root.join(f)).collect();
        libraries.extend(names(&root.join("usr/lib")).into_iter().filter(|n| n.contains("-linux-gnu")).map(|n| root.join("usr/lib").join(n)));
        libraries.extend(variable("LD_LIBRARY_PATH").iter().flat_map(|v| std::env::split_paths(v)).filter(|p| p.is_absolute()));
        let has_library = |name: &str| libraries.iter().any(|f| f.join(name).exists());
        let node = |name: String| {
            let path = root.join("dev/dri").join(&name);
            (format!("/dev/dri/{name}"), OpenOptions::new().read(true).write(true).open(path).is_ok())
        };
        let slurm = variable("SLURM_CONF").map(PathBuf::from).into_iter().chain(SLURM_FILES.iter().map(|f| root.join(f))).find_map(|f| fs::read_to_string(f).ok());
        Surroundings {
            drivers: DRIVER_FOLDERS.iter().flat_map(|f| names(&root.join(f)).into_iter().map(move |n| format!("/{f}/{n}"))).collect(),
            has_loader: has_library("libvulkan.so.1"),
            has_nvidia: exists("proc/driver/nvidia/version") || exists("dev/nvidiactl"),
            has_nvidia_vulkan: has_library("libGLX_nvidia.so.0"),
            render_nodes: names(&root.join("dev/dri")).into_iter().filter(|n| n.starts_with("renderD")).map(node).collect(),
            in_container: ["APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"].iter().any(|v| variables.contains_key(*v)) || [".dockerenv", "run/.containerenv", ".singularity.d"].iter().any(|f| exists(f)),
            cores: fs::read_to_string(root.join("sys/devices/system/cpu/online")).map_or(0, |t| count(t.trim())),
            allowed_cores: std::thread::available_parallelism().map_or(1, usize::from),
            slurm: slurm.map(|t| slurm_keys(&t)).unwrap_or_default(),
            hardware_adapters: 0,
            nvidia_adapters: 0,
            variables,
        }
    }

    fn variable(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }

    /// Everything that is wrong here.
    pub fn findings(&self) -> Vec<Finding> {
        let mut all = self.of_vulkan();
        all.extend(self.of_cores());
        all.extend(self.of_slurm());
        all
    }

    /// Why there is no GPU where there might be one.
    fn of_vulkan(&self) -> Vec<Finding> {
        let mut all = Vec::new();
        for name in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
            for file in self.variable(name).split(':').filter(|f| !f.is_empty() && !Path::new(f).exists()) {
                all.push(finding(format!("{name} names {file}, which is not there: the loader then has no driver"), format!("unset {name}, or bind that file into the container")));
            }
        }
        let no_nvidia = self.has_nvidia && self.nvidia_adapters == 0;
        if no_nvidia {
            let capabilities = self.variable("NVIDIA_DRIVER_CAPABILITIES");
            let graphics = capabilities.split(',').any(|c| ["all", "graphics"].contains(&c.trim()));
            all.push(if self.in_container && !graphics && !self.has_nvidia_vulkan {
                let given = if capabilities.is_empty() { "compute and utility only, its default".to_string() } else { capabilities.to_string() };
                finding(format!("there is an NVIDIA GPU, but the container was given the driver's parts for {given}: Vulkan is not among them"), "start it with NVIDIA_DRIVER_CAPABILITIES=all (docker run -e ...; apptainer --nv needs the host's libGLX_nvidia.so.0 and nvidia_icd.json)".into())
            } else if !self.has_nvidia_vulkan {
                finding("there is an NVIDIA GPU, but its driver is installed without Vulkan (no libGLX_nvidia.so.0)".into(), "ask for the driver's graphics libraries beside the compute ones: libnvidia-gl-NNN (Ubuntu), nvidia-driver-libs (Debian, RHEL); no display is needed".into())
            } else if !self.drivers.iter().any(|d| d.contains("nvidia")) && self.variable("VK_DRIVER_FILES").is_empty() && self.variable("VK_ICD_FILENAMES").is_empty() {
                finding("NVIDIA's Vulkan library is here, but no nvidia_icd.json tells the loader of it".into(), "ask for /usr/share/vulkan/icd.d/nvidia_icd.json, or bind it into the container, or name a copy in VK_DRIVER_FILES".into())
            } else {
                finding("there is an NVIDIA GPU with a Vulkan driver, but Vulkan shows no adapter of it".into(), "ask for access to /dev/nvidia0, /dev/nvidiactl and /dev/nvidia-modeset (a job needs --gres=gpu:1), for a whole GPU in place of a MIG part, and for libraries of the kernel driver's version".into())
            });
        }
        let closed: Vec<&str> = self.render_nodes.iter().filter(|n| !n.1).map(|n| n.0.as_str()).collect();
        if self.hardware_adapters == 0 && !closed.is_empty() {
            all.push(finding(format!("{} cannot be opened by this user", closed.join(", ")), "ask to be in the group that owns it, `render` or `video` (usermod -aG render USER), or for --device /dev/dri in a container".into()));
        }
        let any_gpu = self.has_nvidia || !self.render_nodes.is_empty();
        if any_gpu && self.hardware_adapters == 0 {
            if !self.has_loader {
                all.push(finding("there is a GPU, but no Vulkan loader (libvulkan.so.1)".into(), "ask for the package libvulkan1 (Debian, Ubuntu) or vulkan-loader (RHEL, Fedora, Arch: vulkan-icd-loader)".into()));
            } else if self.drivers.is_empty() && !self.has_nvidia {
                all.push(finding("there is a GPU, but no Vulkan driver announces itself".into(), "ask for the package mesa-vulkan-drivers (AMD, Intel), or the maker's driver".into()));
            }
        }
        all
    }

    /// Cores that are there, given, and used.
    fn of_cores(&self) -> Vec<Finding> {
        let mut all = Vec::new();
        let allowed = self.allowed_cores;
        if let Ok(given) = self.variable("SLURM_CPUS_PER_TASK").parse::<usize>() {
            if allowed > given {
                all.push(finding(format!("Slurm gave {given} cores, but nothing keeps the program to them: it would start {allowed} threads"), "run with --threads $SLURM_CPUS_PER_TASK (what `bwq slurm` writes does); ask for TaskPlugin=task/affinity,task/cgroup".into()));
            } else if allowed < given {
                all.push(finding(format!("Slurm gave {given} cores, but the program may use {allowed} of them"), "with srun: srun --cpus-per-task=$SLURM_CPUS_PER_TASK, which Slurm 22.05 and later no longer take over from sbatch".into()));
            }
        } else if allowed < self.cores {
            all.push(finding(format!("affinity or a cgroup lets the program use {allowed} of {} cores", self.cores), "nothing, if that is your share; else more cores for the container (--cpus), the session or the job (--cpus-per-task)".into()));
        }
        if self.variable("RAYON_NUM_THREADS").parse::<usize>().is_ok_and(|n| n > allowed) {
            all.push(finding(format!("RAYON_NUM_THREADS={} is more than the {allowed} cores the program may use", self.variable("RAYON_NUM_THREADS")), "unset it".into()));
        }
        all
    }

    /// What a Slurm does with a stopped element.
    fn of_slurm(&self) -> Vec<Finding> {
        let in_job = !self.variable("SLURM_JOB_ID").is_empty();
        if self.slurm.is_empty() {
            return if in_job { vec![finding("Slurm's configuration is not to be read here, so nothing is known of RequeueExit and MaxArraySize".into(), "nothing: the script of `bwq slurm` requeues itself; scontrol show config tells".into())] } else { Vec::new() };
        }
        let mut all = Vec::new();
        let lists_75 = |key: &str| self.slurm.get(key).is_some_and(|v| v.split(',').any(|part| holds(part, 75)));
        if lists_75("requeueexithold") {
            all.push(finding("Slurm holds jobs that exit with 75 (RequeueExitHold)".into(), "ask for RequeueExit=75 in its place, or release them: scontrol release JOB".into()));
        } else if !lists_75("requeueexit") {
            all.push(finding("Slurm does not requeue jobs that exit with 75 (RequeueExit)".into(), "nothing for `bwq slurm`, whose script requeues itself; scripts of your own need RequeueExit=75, or scontrol requeue".into()));
        }
        if let Some(size) = self.slurm.get("maxarraysize").and_then(|v| v.parse::<u64>().ok()).filter(|&s| s < crate::sweep::slurm::MOST_ELEMENTS) {
            all.push(finding(format!("Slurm's arrays have at most {size} elements (MaxArraySize)"), format!("bwq slurm --shards {size} or fewer")));
        }
        all
    }
}

fn finding(wrong: String, ask: String) -> Finding {
    Finding { wrong, ask }
}

/// Names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let mut all: Vec<String> = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    all.sort();
    all
}

/// How many numbers a list such as `0-3,8` holds.
fn count(list: &str) -> usize {
    list.split(',').filter_map(bounds).map(|(a, b)| (b - a + 1) as usize).sum()
}

fn holds(part: &str, number: u64) -> bool {
    bounds(part).is_some_and(|(a, b)| (a..=b).contains(&number))
}

/// First and last of `3` or `3-8`.
fn bounds(part: &str) -> Option<(u64, u64)> {
    let (a, b) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
    let (a, b) = (a.parse().ok()?, b.parse().ok()?);
    (a <= b && b < 1 << 32).then_some((a, b))
}

/// `Key=value` lines of slurm.conf, whose keys have no case.
fn slurm_keys(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let (key, value) = line.split('#').next()?.split_once('=')?;
        Some((key.trim().to_lowercase(), value.trim().to_string()))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Surroundings {
        let variables = variables.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        Surroundings { variables, has_loader: true, cores: 4, allowed_cores: 4, ..Surroundings::default() }
    }

    /// One finding, whose parts hold these words.
    fn one(here: &Surroundings, wrong: &str, ask: &str) {
        let all = here.findings();
        assert!(all.len() == 1 && all[0].wrong.contains(wrong) && all[0].ask.contains(ask), "{wrong}, {ask}: {all:?}");
    }

    #[test]
    fn nothing_is_wrong_with_a_desktop_or_a_plain_server() {
        assert_eq!(with(&[]).findings(), []);
        let desktop = Surroundings { has_nvidia: true, has_nvidia_vulkan: true, hardware_adapters: 1, nvidia_adapters: 1, render_nodes: vec![("/dev/dri/renderD128".into(), false)], ..with(&[]) };
        assert_eq!(desktop.findings(), []);
        assert_eq!(Surroundings { has_loader: false, ..with(&[]) }.findings(), [], "without a GPU no loader is missed");
    }

    #[test]
    fn a_missing_gpu_has_a_reason() {
        let nvidia = Surroundings { has_nvidia: true, ..with(&[]) };
        one(&nvidia, "without Vulkan", "libnvidia-gl");
        one(&Surroundings { in_container: true, ..nvidia.clone() }, "compute and utility only", "NVIDIA_DRIVER_CAPABILITIES=all");
        let compute = Surroundings { has_nvidia: true, in_container: true, ..with(&[("NVIDIA_DRIVER_CAPABILITIES", "compute,video")]) };
        one(&compute, "for compute,video", "NVIDIA_DRIVER_CAPABILITIES=all");
        one(&Surroundings { has_nvidia_vulkan: true, ..nvidia.clone() }, "nvidia_icd.json", "VK_DRIVER_FILES");
        let complete = Surroundings { has_nvidia_vulkan: true, drivers: vec!["/usr/share/vulkan/icd.d/nvidia_icd.json".into()], ..nvidia.clone() };
        one(&complete, "shows no adapter", "MIG");
        let amd = Surroundings { render_nodes: vec![("/dev/dri/renderD128".into(), true)], ..with(&[]) };
        one(&amd, "no Vulkan driver", "mesa-vulkan-drivers");
        one(&Surroundings { has_loader: false, ..amd.clone() }, "no Vulkan loader", "libvulkan1");
        let closed = Surroundings { render_nodes: vec![("/dev/dri/renderD128".into(), false)], drivers: vec!["/x/radeon_icd.json".into()], ..with(&[]) };
        one(&closed, "/dev/dri/renderD128 cannot be opened", "render");
        one(&with(&[("VK_DRIVER_FILES", "/no/such/icd.json")]), "/no/such/icd.json", "unset VK_DRIVER_FILES");
    }

    #[test]
    fn cores_and_threads_fit() {
        one(&Surroundings { allowed_cores: 2, ..with(&[]) }, "2 of 4 cores", "--cpus-per-task");
        one(&with(&[("SLURM_CPUS_PER_TASK", "2")]), "it would start 4 threads", "--threads");
        one(&with(&[("SLURM_CPUS_PER_TASK", "8")]), "may use 4 of them", "srun --cpus-per-task");
        one(&with(&[("RAYON_NUM_THREADS", "64")]), "RAYON_NUM_THREADS=64", "unset");
        assert_eq!(with(&[("SLURM_CPUS_PER_TASK", "4")]).findings(), []);
    }

    #[test]
    fn a_slurm_is_read() {
        let slurm = |text: &str| Surroundings { slurm: slurm_keys(text), ..with(&[]) };
        one(&slurm("ClusterName=a # c\nRequeueExit=1-9,143\n"), "does not requeue", "RequeueExit=75");
        assert_eq!(slurm("requeueexit = 1-9, 70-80\n").findings(), []);
        one(&slurm("RequeueExitHold=75\n"), "holds jobs", "release");
        one(&slurm("RequeueExit=75\nMaxArraySize=100\n"), "at most 100", "--shards 100");
        one(&with(&[("SLURM_JOB_ID", "7")]), "nothing is known", "scontrol show config");
    }

    #[test]
    fn facts_are_read_below_a_root() {
        let dir = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let nothing = Surroundings::read(dir.path(), |_| None);
        assert_eq!(nothing, Surroundings { allowed_cores: nothing.allowed_cores, ..Surroundings::default() });
        for path in ["usr/lib/x86_64-linux-gnu/libvulkan.so.1", "usr/lib64/libGLX_nvidia.so.0", "dev/nvidiactl", "dev/dri/renderD128", "dev/dri/card0", "usr/share/vulkan/icd.d/nvidia_icd.json", ".dockerenv"] {
            file(path, "");
        }
        file("etc/slurm/slurm.conf", "RequeueExit=75\n");
        file("sys/devices/system/cpu/online", "0-3,8\n");
        let here = Surroundings::read(dir.path(), |v| (v == "CUDA_VISIBLE_DEVICES").then(|| "0".into()));
        assert!(here.has_loader && here.has_nvidia && here.has_nvidia_vulkan && here.in_container, "{here:?}");
        assert_eq!((here.cores, here.slurm["requeueexit"].as_str(), here.variables["CUDA_VISIBLE_DEVICES"].as_str()), (5, "75", "0"));
        assert_eq!(here.render_nodes, [("/dev/dri/renderD128".to_string(), true)]);
        assert_eq!(here.drivers, ["/usr/share/vulkan/icd.d/nvidia_icd.json"]);
    }
}
