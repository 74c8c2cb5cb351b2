//! `bwq doctor`: what there is, whether it works, and what to do if not. Fit to be pasted into a bug report.

use super::DoctorArgs;
use super::terminal::{Terminal, print};
use bwq::config::{self, Overrides};
use bwq::engine::{Engine, IntegerImages, Plan, cpu};
use bwq::error::{Result, exit};
use bwq::quantize::lower::lower;
use bwq::surroundings::{Finding, Surroundings};
use bwq::sweep::Observer;
use bwq::{embedded, network::fold};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Images of the block that both engines run.
const IMAGES: usize = 2;

/// Reports; exit 0 also without a GPU, since the CPU engine is always there.
pub fn doctor(args: &DoctorArgs, terminal: &Terminal) -> Result<u8> {
    let mut here = Surroundings::read(Path::new("/"), |v| std::env::var(v).ok());
    let block = Block::new()?;
    terminal.say("running one block ...");
    let (expected, seconds) = block.run(&Engine::Cpu)?;
    let (adapters, choice) = adapters(&block, &expected);
    let count = |picks: fn(&Value) -> bool| adapters.as_array().into_iter().flatten().filter(|a| picks(a)).count();
    here.hardware_adapters = count(|a| a["type"] != "software");
    here.nvidia_adapters = count(|a| a["nvidia"] == true);
    let mut findings = if cfg!(feature = "gpu") { here.findings() } else { Vec::new() };
    let choice = choice.unwrap_or_else(|error| {
        if error.message.contains("CUDA_VISIBLE_DEVICES") {
            findings.push(Finding { wrong: error.message.lines().next().unwrap_or_default().trim_end_matches(':').into(), ask: error.hint.clone().unwrap_or_default() });
        }
        "none, the CPU engine runs".into()
    });
    let findings: Vec<Value> = findings.iter().map(|f| json!({ "wrong": f.wrong, "ask": f.ask })).collect();
    let report = json!({
        "tool_version": env!("CARGO_PKG_VERSION"),
        "commit": option_env!("BWQ_COMMIT").unwrap_or("unknown"),
        "cpu": { "threads": rayon::current_num_threads(), "instruction_set": cpu::instruction_set(), "block_s": seconds },
        "cores": { "machine": here.cores, "allowed": here.allowed_cores },
        "vulkan_drivers": here.drivers,
        "environment": here.variables,
        "adapters": adapters,
        "auto_takes": choice,
        "findings": findings,
    });
    if args.json {
        print(&format!("{report:#}\n"))?;
    } else {
        print(&text_of(&report))?;
    }
    Ok(exit::DONE)
}

/// A block small enough to run anywhere: the embedded network, one chip.
struct Block {
    plan: Plan,
    images: IntegerImages,
}

impl Block {
    fn new() -> Result<Self> {
        let dataset = embedded::dataset(IMAGES, 64)?;
        let toml = "[device]\nprogramming_error = { law = \"lognormal\", sigma_ln = 0.1 }\n[monte_carlo]\ntrials = 1\n";
        let point = config::parse_mvm(toml, "doctor", &Overrides::default())?;
        let network = Arc::new(lower(&fold::fold_batchnorm(&embedded::network()?)?, &dataset, &point.quantization, None)?);
        let images = IntegerImages::new(&network, &dataset);
        Ok(Block { plan: Plan::new(network, &point, &[])?, images })
    }

    /// Logits, and seconds.
    fn run(&self, engine: &Engine) -> Result<(Vec<u32>, f64)> {
        let started = Instant::now();
        let logits = engine.run(&self.plan, &self.images, 0..1, true)?.into_iter().flat_map(|c| c.logits).collect();
        Ok((logits, started.elapsed().as_secs_f64()))
    }
}

#[cfg(feature = "gpu")]
fn adapters(block: &Block, expected: &[u32]) -> (Value, Result<String>) {
    use bwq::engine::gpu::{GpuEngine, job_choice, list_adapters};
    let describe = |a: bwq::engine::gpu::AdapterReport| {
        let ran = GpuEngine::new(Some(&a.index.to_string()), true).and_then(|gpu| {
            let engine = Engine::Gpu(Box::new(gpu));
            block.run(&engine)?; // the first run compiles the shaders
            block.run(&engine)
        });
        let (check, seconds) = match &ran {
            Ok((logits, seconds)) if logits == expected => ("equal to the CPU engine".to_string(), Some(*seconds)),
            Ok(_) => ("DIFFERS from the CPU engine: do not use this adapter, and report it".to_string(), None),
            Err(error) => (format!("failed: {error}"), None),
        };
        json!({
            "number": a.index, "name": a.name, "type": a.kind, "backend": a.backend, "driver": a.driver, "pci_bus_id": a.pci_bus_id, "nvidia": a.is_nvidia,
            "max_binding_mib": a.max_binding_bytes >> 20, "max_buffer_mib": a.max_buffer_bytes >> 20, "workgroup_memory_kib": a.workgroup_memory_bytes >> 10,
            "max_invocations": a.max_invocations, "block": check, "block_s": seconds,
        })
    };
    (list_adapters().into_iter().map(describe).collect(), job_choice())
}

#[cfg(not(feature = "gpu"))]
fn adapters(_: &Block, _: &[u32]) -> (Value, Result<String>) {
    (json!([]), Ok("none, the CPU engine runs".into()))
}

/// The report as lines for people.
fn text_of(report: &Value) -> String {
    let mut lines = Vec::new();
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_string);
    lines.push(format!("bwq {} ({})", text(&report["tool_version"]), text(&report["commit"])));
    lines.push(format!("CPU engine: {} threads of {} cores, {}, one block in {:.3} s", report["cpu"]["threads"], report["cores"]["machine"], text(&report["cpu"]["instruction_set"]), report["cpu"]["block_s"].as_f64().unwrap_or(0.0)));
    for (name, value) in report["environment"].as_object().into_iter().flatten() {
        lines.push(format!("{name} = {}", text(value)));
    }
    let list: Vec<String> = report["vulkan_drivers"].as_array().into_iter().flatten().map(text).collect();
    lines.push(format!("Vulkan drivers announced: {}", if list.is_empty() { "none".to_string() } else { list.join(", ") }));
    let adapters = report["adapters"].as_array().cloned().unwrap_or_default();
    for a in &adapters {
        lines.push(format!("adapter {}: {} ({}, {}, driver {}, PCI {})", a["number"], text(&a["name"]), text(&a["type"]), text(&a["backend"]), text(&a["driver"]), text(&a["pci_bus_id"])));
        lines.push(format!("  binding {} MiB, buffer {} MiB, workgroup memory {} KiB, {} invocations", a["max_binding_mib"], a["max_buffer_mib"], a["workgroup_memory_kib"], a["max_invocations"]));
        lines.push(format!("  one block: {}{}", text(&a["block"]), a["block_s"].as_f64().map_or(String::new(), |s| format!(", {s:.3} s"))));
    }
    if !cfg!(feature = "gpu") {
        lines.push("built without the `gpu` feature: the CPU engine does everything".into());
    } else if adapters.is_empty() {
        lines.push("no Vulkan adapter: the CPU engine does everything, with the same results".into());
        lines.push("  for a GPU: install its Vulkan driver; in a container pass the driver's ICD file through (VK_DRIVER_FILES), not only the device".into());
        lines.push("  for a software adapter on Debian or Ubuntu: apt-get install mesa-vulkan-drivers libvulkan1".into());
    }
    if cfg!(feature = "gpu") {
        lines.push(format!("--engine auto takes: {}", text(&report["auto_takes"])));
    }
    let findings: Vec<&Value> = report["findings"].as_array().into_iter().flatten().collect();
    lines.push(if findings.is_empty() { "nothing to ask an administrator for".into() } else { "what is wrong here, and what to ask for:".to_string() });
    lines.extend(findings.iter().map(|f| format!("  {}: {}", text(&f["wrong"]), text(&f["ask"]))));
    lines.push(String::new());
    lines.join("\n")
}
