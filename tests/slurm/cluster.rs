//! A Slurm of its own on loopback: munge, the controller and two nodes of one core, all in one folder, without systemd
//! and cgroups, gone when dropped.
//!
//! It touches nothing of a Slurm that the machine may have: ports are free ones, and the configuration, the key and the
//! socket are files of the folder.

use std::collections::BTreeMap;
use std::net::{TcpListener, ToSocketAddrs};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The nodes.
pub const NODES: [&str; 2] = ["n1", "n2"];
/// What a cluster needs.
const PROGRAMS: [&str; 4] = ["munged", "slurmctld", "slurmd", "sbatch"];

/// The daemons.
pub struct Cluster {
    folder: tempfile::TempDir,
    daemons: BTreeMap<String, Child>,
}

/// Why there can be none here.
pub fn obstacle() -> Option<String> {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0);
    let found = |program: &str| ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"].iter().any(|f| Path::new(f).join(program).exists());
    if !is_root {
        return Some("a private Slurm is started as root".into());
    }
    if let Some(program) = PROGRAMS.iter().find(|p| !found(p)) {
        return Some(format!("no {program} (Debian: slurmctld slurmd slurm-client munge)"));
    }
    let host = host();
    (host.clone(), 0).to_socket_addrs().is_err().then(|| format!("the machine's name, {host}, has no address"))
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a name");
    name.trim().split('.').next().unwrap_or_default().to_string()
}

fn free_ports() -> Vec<u16> {
    let open: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    open.iter().map(|l| l.local_addr().expect("its address").port()).collect()
}

impl Cluster {
    /// Starts it and waits until both nodes are idle.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("bwq-slurm").tempdir().expect("a folder");
        let at = folder.path();
        for made in ["state", "log", "run", "spool/n1", "spool/n2"] {
            std::fs::create_dir_all(at.join(made)).expect("a folder");
        }
        std::fs::write(at.join("munge.key"), bwq::sweep::block::hex(&[7; 64])).expect("a key");
        assert!(Command::new("chmod").arg("600").arg(at.join("munge.key")).status().expect("chmod").success());
        std::fs::write(at.join("slurm.conf"), configuration(at)).expect("written");
        let mut cluster = Cluster { folder, daemons: BTreeMap::new() };
        let path = |name: &str| cluster.folder.path().join(name).display().to_string();
        let munged = ["--foreground", "--force"].map(String::from).into_iter();
        let munged: Vec<String> = munged.chain([("key-file", "munge.key"), ("socket", "run/munge.sock"), ("pid-file", "munged.pid"), ("log-file", "log/munged.log"), ("seed-file", "munged.seed")].map(|(flag, file)| format!("--{flag}={}", path(file)))).collect();
        cluster.daemon("munged", &munged, "");
        cluster.until(20, "munge has a socket", |c| c.folder.path().join("run/munge.sock").exists().then_some(()));
        cluster.daemon("slurmctld", &["-D".into(), "-c".into()], "");
        NODES.iter().for_each(|node| cluster.start_node(node));
        cluster.until(30, "both nodes are idle", |c| (c.ask("sinfo", &["-h", "-N", "-o", "%T"]).lines().filter(|l| *l == "idle").count() == 2).then_some(()));
        cluster
    }

    fn daemon(&mut self, program: &str, args: &[String], node: &str) {
        let log = std::fs::File::create(self.folder.path().join(format!("log/{program}{node}.out"))).expect("a log");
        let mut command = self.command(program);
        command.args(args).stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        self.daemons.insert(format!("{program}{node}"), command.spawn().expect("the daemon starts"));
    }

    /// Starts the daemon of a node.
    pub fn start_node(&mut self, node: &str) {
        self.daemon("slurmd", &["-D".into(), "-N".into(), node.into()], node);
    }

    /// A command that talks to this Slurm.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = format!("/usr/sbin:/usr/local/sbin:{}", std::env::var("PATH").unwrap_or_default());
        command.env("SLURM_CONF", self.folder.path().join("slurm.conf")).env("PATH", path);
        command
    }

    /// What a command prints; it must succeed.
    pub fn ask(&self, program: &str, args: &[&str]) -> String {
        let out = self.command(program).args(args).output().expect("the command starts");
        assert!(out.status.success(), "{program} {args:?}: {}\n{}", String::from_utf8_lossy(&out.stderr), self.logs());
        String::from_utf8_lossy(&out.stdout).trim().to_string()
    }

    /// Polls until there is something.
    pub fn until<T>(&self, seconds: u64, what: &str, found: impl Fn(&Self) -> Option<T>) -> T {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(seconds) {
            if let Some(found) = found(self) {
                return found;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("in {seconds} s it did not come to this: {what}\n{}\n{}", self.queue(), self.logs());
    }

    /// Job, state, reason of all that is queued; requeued jobs, which would wait for two minutes, go on at once.
    pub fn queue(&self) -> String {
        let queue = self.ask("squeue", &["-h", "-r", "-o", "%i %T %r"]);
        for job in queue.lines().filter(|l| l.ends_with("BeginTime")).filter_map(|l| l.split(' ').next()) {
            self.ask("scontrol", &["update", &format!("jobid={job}"), "StartTime=now"]);
        }
        queue
    }

    /// Waits until nothing is queued.
    pub fn until_empty(&self, seconds: u64) {
        self.until(seconds, "the queue is empty", |c| {
            std::thread::sleep(Duration::from_millis(200));
            c.queue().is_empty().then_some(())
        });
    }

    /// Processes of this cluster whose environment has all of `words`.
    pub fn processes(&self, words: &[&str]) -> Vec<u32> {
        let ours = self.folder.path().display().to_string();
        let of = |entry: std::fs::DirEntry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            let variables: Vec<&[u8]> = environment.split(|b| *b == 0).collect();
            let has = |word: &str| variables.contains(&word.as_bytes());
            (has(&format!("SLURM_CONF={ours}/slurm.conf")) && words.iter().all(|w| has(w))).then_some(pid)
        };
        std::fs::read_dir("/proc").expect("processes").flatten().filter_map(of).collect()
    }

    /// A power cut: everything of a node dies at once, and the administrator sees it.
    pub fn crash(&mut self, node: &str) {
        let mut daemon = self.daemons.remove(&format!("slurmd{node}")).expect("a node");
        // The step's daemon first, by its children, as it hides its environment: it would still report how they ended.
        let job = self.processes(&[&format!("SLURMD_NODENAME={node}")]);
        let steps: Vec<u32> = job.iter().filter_map(|pid| parent(*pid)).filter(is_step).collect();
        kill("KILL", &[steps, vec![daemon.id()], job].concat());
        daemon.wait().expect("it ended");
        self.ask("scontrol", &["update", &format!("nodename={node}"), "state=down", "reason=power"]);
    }

    /// The node is back.
    pub fn repair(&mut self, node: &str) {
        self.start_node(node);
        self.ask("scontrol", &["update", &format!("nodename={node}"), "state=resume"]);
    }

    fn logs(&self) -> String {
        let tail = |path: PathBuf| {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            format!("== {}\n{}\n", path.display(), lines[lines.len().saturating_sub(60)..].join("\n"))
        };
        std::fs::read_dir(self.folder.path().join("log")).into_iter().flatten().flatten().map(|e| tail(e.path())).collect()
    }
}

/// The process that started another.
fn parent(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|l| l.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Whether it is the daemon of a job's step.
fn is_step(pid: &u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("slurmstepd"))
}

/// Sends a signal to processes; those that are gone do not matter.
pub fn kill(signal: &str, pids: &[u32]) {
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    let _ = Command::new("kill").arg(format!("-{signal}")).args(&pids).stderr(Stdio::null()).status();
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Jobs with their steps' daemons first, then the daemons themselves.
        let jobs = self.processes(&["SLURM_JOB_NUM_NODES=1"]);
        let steps: Vec<u32> = jobs.iter().filter_map(|pid| parent(*pid)).filter(is_step).collect();
        kill("KILL", &[steps, jobs].concat());
        for daemon in self.daemons.values_mut() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

fn configuration(at: &Path) -> String {
    let (host, at, ports) = (host(), at.display(), free_ports());
    let nodes: String = NODES.iter().zip(&ports[1..]).map(|(n, port)| format!("NodeName={n} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=1 RealMemory=2000 State=UNKNOWN\n")).collect();
    format!(
        "ClusterName=bwq\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={}\nCommunicationParameters=NoInAddrAny,NoCtldInAddrAny\n\
         AuthType=auth/munge\nAuthInfo=socket={at}/run/munge.sock\nSlurmUser=root\nSlurmdUser=root\n\
         StateSaveLocation={at}/state\nSlurmdSpoolDir={at}/spool/%n\nSlurmctldPidFile={at}/slurmctld.pid\nSlurmdPidFile={at}/slurmd-%n.pid\n\
         SlurmctldLogFile={at}/log/slurmctld.log\nSlurmdLogFile={at}/log/slurmd-%n.log\n\
         ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nJobAcctGatherType=jobacct_gather/none\n\
         SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nSchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0\n\
         ReturnToService=2\nKillWait=2\nSlurmdParameters=config_overrides\n{nodes}PartitionName=main Nodes={} Default=YES MaxTime=30 State=UP\n",
        ports[0],
        NODES.join(",")
    )
}
