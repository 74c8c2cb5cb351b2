//! Presets: their files, what wins over them, and that a point does not know whether it came from one.

use super::super::keys::find;
use super::super::{Overrides, PointConfig, Sweep, parse};
use super::*;

fn sweep(text: &str, set: &[&str]) -> Result<Sweep> {
    let set = set.iter().map(|s| s.to_string()).collect();
    parse(text, "s.toml", &Overrides { set, ..Default::default() })
}

fn points(text: &str, set: &[&str]) -> Vec<PointConfig> {
    sweep(text, set).unwrap_or_else(|e| panic!("{text} {set:?}\n{e}")).points
}

fn using(name: &str) -> String {
    format!("[device]\npreset = \"{name}\"\n")
}

#[test]
fn every_file_is_in_the_list() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/presets")).expect("the folder");
    let mut files: Vec<String> = folder.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    files.sort();
    assert_eq!(files, PRESETS.iter().map(|p| format!("{}.toml", p.name)).collect::<Vec<_>>(), "in order");
}

#[test]
fn every_value_has_its_source() {
    for preset in PRESETS {
        let parts: Vec<&str> = preset.name.split('_').collect();
        let word = |w: &str| !w.is_empty() && w.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let is_year = |w: &str| w.len() == 4 && w.chars().all(|c| c.is_ascii_digit());
        assert!(matches!(parts[..], [design, venue, year] if word(design) && word(venue) && is_year(year)), "{}", preset.name);
        assert!(preset.title().len() < 100 && preset.text.starts_with("# "), "{}: a title", preset.name);
        // A source names the work, as the title does, or a value is marked as assumed.
        let work: String = preset.title().chars().take_while(|c| *c != ' ' && *c != ':').collect();
        let written = preset.text.lines().filter(|l| !l.is_empty() && !l.starts_with(['#', '['])).count();
        assert_eq!(preset.lines().len(), written, "{}: a key and its value on a line", preset.name);
        for line in preset.lines() {
            let key = find(&line.path).unwrap_or_else(|| panic!("{}: {}", preset.name, line.path));
            assert!(["crossbar", "adc", "device"].contains(&key.section()), "{}: {}", preset.name, line.path);
            let sourced = line.source.contains(&work) && line.source.contains(": ");
            assert!(sourced || line.source.starts_with("assumed: "), "{}: {}: {}", preset.name, line.path, line.source);
        }
        assert!(preset.text.lines().all(|l| l.chars().count() <= 125), "{}", preset.name);
    }
}

#[test]
fn a_preset_is_the_same_point_as_its_file_or_its_values() {
    for preset in PRESETS {
        let by_name = points(&using(preset.name), &[]);
        assert_eq!(by_name.len(), 1, "{}", preset.name);
        assert_eq!(points("", &[&format!("device.preset={}", preset.name)]), by_name);
        assert_eq!(points(preset.text, &[]), by_name, "the file is a sweep, and refused for nothing");
        let set: Vec<String> = preset.lines().iter().map(|l| format!("{}={}", l.path, l.value)).collect();
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        let written = points("", &set);
        assert_eq!(written[0].canonical(), by_name[0].canonical(), "one hash");
        assert_eq!(written[0].columns(), by_name[0].columns());
        assert!(!by_name[0].canonical().contains("preset"));
    }
    assert_eq!(points(&using("none"), &[]), points("", &[]));
}

#[test]
fn what_is_written_wins() {
    let preset = using("dlrsim_iccad_2018");
    let one = |text: &str, set: &[&str], path: &str| points(&format!("{preset}{text}"), set).iter().map(|p| p.value(path).unwrap_or_default()).collect::<Vec<_>>();
    let (height, sigma, off, law) = ("crossbar.ou_wordlines", "device.programming_error.sigma_ln", "device.programming_error.sigma_ln_off", "device.programming_error.law");
    assert_eq!(one("[crossbar]\nou_wordlines = [9, 16]", &[], height), ["9", "16"]);
    assert_eq!(one("", &["crossbar.ou_wordlines=32"], height), ["32"]);
    assert_eq!(one("programming_error = { sigma_ln = 0.3 }", &[], sigma), ["0.3"]);
    assert_eq!(one("programming_error = { sigma_ln = 0.3 }", &[], off), ["0.45"], "the rest is the preset's");
    // A preset's value beside another law is no mistake of the user's; a user's own is.
    assert_eq!(one("programming_error = { law = \"normal-proportional\", sigma_rel = 0.1 }", &[], law), ["normal-proportional"]);
    assert_eq!(one("programming_error = [{ law = \"none\" }, { sigma_ln = 0.1 }, {}]", &[], sigma), ["", "0.1", "0.18"]);
    assert_eq!(one("", &["device.programming_error.law=none"], sigma), [""]);
    assert!(sweep(&format!("{preset}programming_error.sigma_rel = 0.1"), &[]).is_err_and(|e| e.message.contains("not used by law")));
    assert_eq!(one("", &["device.preset=none"], law), ["none"]);
}

#[test]
fn what_became_of_a_preset_is_told() {
    let text = format!("{}programming_error.law = \"none\"\n[crossbar]\nou_wordlines = 16\n", using("vecom_iccad_2023"));
    let applied = sweep(&text, &[]).ok().and_then(|s| s.preset).map(|p| p.to_string());
    let told = "preset vecom_iccad_2023 gives crossbar.cell_bits, device.on_off_ratio; set aside for what the sweep sets itself: \
        crossbar.ou_wordlines, device.programming_error.law, device.programming_error.sigma_ln, device.programming_error.sigma_ln_off";
    assert_eq!(applied.as_deref(), Some(told));
    assert!(sweep("", &[]).is_ok_and(|s| s.preset.is_none()));
}

#[test]
fn slips_are_refused() {
    let refused = |text: &str, set: &[&str], parts: &[&str]| {
        let error = sweep(text, set).expect_err(text).to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{text} {set:?}\n-> {error}");
    };
    refused(&using("dlrsim_icad_2018"), &[], &["s.toml:2", "\"neurram_nature_2022\"", "did you mean \"dlrsim_iccad_2018\"?"]);
    refused("", &["device.preset=banana"], &["--set device.preset=banana", "\"vecom_iccad_2023\""]);
    refused("[device]\npreset = [\"none\", \"vecom_iccad_2023\"]", &[], &["no axis", "one value for the whole sweep"]);
    refused("[device]\npreset = 3", &[], &["words and paths stand in quotes"]);
    refused("[device]\npresett = \"none\"", &[], &["did you mean `preset`?"]);
    refused("preset = \"none\"", &[], &["`preset` belongs to [device]"]);
    refused("", &["preset=none"], &["did you mean `device.preset`?"]);
    refused(&format!("{}[crossbar]\nrows = 8", using("dlrsim_iccad_2018")), &[], &["`crossbar.ou_wordlines = 9` is more than"]);
    let full = super::super::template::sweep_toml(None);
    refused(&full, &["device.preset=bwqh_tcad_2024"], &["changes nothing", "bwq presets bwqh_tcad_2024"]);
}
