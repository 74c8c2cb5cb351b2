//! Component sets: their files have a source for every figure, nothing is taken in silence, and nonsense is refused.

use super::*;

fn reading() -> Reading {
    Reading { adc_bits: 4, wordlines_on: 9, conversions_per_adc: 1, pipelined: true }
}

fn set(text: &str) -> Result<ComponentSet> {
    of_text("mine.toml", text, At::file("mine.toml", text))
}

fn prices(text: &str) -> Prices {
    set(text).and_then(|s| s.prices(&reading())).unwrap_or_else(|e| panic!("{text}\n{e}"))
}

#[test]
fn every_file_is_in_the_list() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/components")).expect("the folder");
    let mut files: Vec<String> = folder.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    let mut listed: Vec<String> = FILES.iter().map(|f| format!("{}.toml", f.name)).collect();
    files.sort();
    listed.sort();
    assert_eq!(files, listed);
}

#[test]
fn every_set_is_whole_and_every_figure_has_its_source() {
    for file in FILES {
        let set = ComponentSet::named(file.name).unwrap_or_else(|e| panic!("{e}"));
        assert!(set.title.starts_with(&format!("{}: ", file.name)), "{}: a title", set.title);
        let prices = set.prices(&Reading { adc_bits: 4, wordlines_on: 9, conversions_per_adc: 8, pipelined: true }).unwrap_or_else(|e| panic!("{e}"));
        assert!(prices.parts.iter().all(|p| p.event_pj.iter().chain([&p.area_um2, &p.leakage_mw, &p.while_read_mw]).all(|x| x.is_finite() && *x >= 0.0)));
        let written = file.text.lines().filter(|l| l.contains(" = ") && !l.starts_with(['#', ' ']));
        written.for_each(|l| assert!(l.split_once('#').is_some_and(|(_, source)| source.len() > 8), "{}: no source: {l}", file.name));
        // A source names a work before a colon, or says why a figure is assumed.
        let names_a_work = |source: &str| source.contains(": ") || source.contains("CACTI") || source.contains("Table I");
        set.sources.iter().for_each(|l| assert!(names_a_work(&l.source), "{}: {l:?}", file.name));
        assert!(file.text.lines().all(|l| l.chars().count() <= 170), "{}", file.name);
    }
}

#[test]
fn a_set_that_takes_all_is_the_other_one() {
    for file in FILES {
        let taken = prices(&format!("from = \"{}\"\n", file.name));
        assert_eq!(taken, ComponentSet::named(file.name).and_then(|s| s.prices(&reading())).unwrap_or_else(|e| panic!("{e}")));
    }
}

#[test]
fn one_figure_one_section_or_all_is_taken_by_name() {
    let isaac = prices("from = \"isaac\"\n");
    let mine = prices("from = \"isaac\"\n[wordline_driver]\ndrive_pj = \"ppsim\"\narea_um2 = { um2 = 1, per = 4 }\nleakage_mw = 0.5\n[shift_add]\nfrom = \"ppsim\"\n");
    let ppsim = prices("from = \"ppsim\"\n");
    let driver = PARTS.iter().position(|p| p.name == "wordline_driver").expect("a part");
    let adder = PARTS.iter().position(|p| p.name == "shift_add").expect("a part");
    assert_eq!(mine.parts[driver], PartPrices { area_um2: 0.25, leakage_mw: 0.5, ..ppsim.parts[driver].clone() });
    assert_eq!(mine.parts[adder], ppsim.parts[adder]);
    assert!((0..PARTS.len()).filter(|i| ![driver, adder].contains(i)).all(|i| mine.parts[i] == isaac.parts[i]));
}

#[test]
fn a_division_keeps_the_numbers_of_its_source() {
    let driver = |figure: &str| prices(&format!("from = \"isaac\"\n[wordline_driver]\ndrive_pj = {figure}\narea_um2 = 0\nleakage_mw = 0\n")).parts[3].event_pj[0];
    assert_eq!(driver("{ mw = 4, ns = 100, per = 1024 }"), 0.390625);
    assert_eq!(driver("{ mw = 4, ns = 1.5, per = 1024 }"), 6.0 / 1024.0);
    assert_eq!([driver("{ pj = 3, per = 4 }"), driver("0.75"), driver("1")], [0.75, 0.75, 1.0]);
}

#[test]
fn the_cycle_is_the_longer_or_the_sum() {
    let cycle = |adcs: u64, pipelined: bool| {
        let reading = Reading { adc_bits: 8, wordlines_on: 128, conversions_per_adc: 128 / adcs, pipelined };
        ComponentSet::named("isaac").and_then(|s| s.prices(&reading)).map(|p| p.ou_cycle_ns).unwrap_or_else(|e| panic!("{e}"))
    };
    assert_eq!([cycle(1, true), cycle(128, true), cycle(1, false)], [100.0, 7.68, 107.68]);
}

#[test]
fn nonsense_is_refused_with_its_place() {
    let refused = |text: &str, parts: &[&str]| {
        let error = set(text).map(|_| ()).expect_err(text).to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{text}\n-> {error}");
    };
    let driver = |keys: &str| format!("from = \"isaac\"\n[wordline_driver]\n{keys}\n");
    let whole = |drive: &str| driver(&format!("drive_pj = {drive}\narea_um2 = 0\nleakage_mw = 0"));
    refused("", &["mine.toml", "[adc] is missing", "from = \"isaac\""]);
    refused(&driver("drive_pj = 1\narea_um2 = 0"), &["mine.toml:2", "`leakage_mw` is missing in [wordline_driver]", "source"]);
    refused(&driver("drive_pj = 1\narea_um = 0\nleakage_mw = 0"), &["mine.toml:4", "unknown key `wordline_driver.area_um`", "area_um2"]);
    refused(&driver("drive_pj = 1\narea_um2 = 0\nleakage_mw = 0\ncolour = 3"), &["mine.toml:6", "unknown key `wordline_driver.colour`", "keys here: drive_pj"]);
    refused(&whole("-1"), &["mine.toml:3", "`wordline_driver.drive_pj = -1` is no figure", "finite and not negative"]);
    refused(&whole("nan"), &["is no figure"]);
    refused(&whole("inf"), &["is no figure"]);
    refused(&whole("true"), &["is no number"]);
    refused(&whole("{ pj = 1, per = 0 }"), &["must be more than 0"]);
    refused(&whole("{ pj = 1 }"), &["`per` is missing in [wordline_driver.drive_pj]"]);
    refused(&whole("{ pj = 1, per = 2, um2 = 3 }"), &["unknown key `wordline_driver.drive_pj.um2`"]);
    refused(&whole("\"isac\""), &["mine.toml:3", "no component set \"isac\"", "did you mean \"isaac\"?"]);
    refused("from = \"isaac\"\n[wordline]\n", &["unknown section or key `wordline`", "sections: adc"]);
    refused("from = \"isaac\"\n[bufer]\n", &["did you mean `buffer`?"]);
    refused("from = 3\n", &["`from = 3` is no set's name"]);
    refused("from = \"isaac\"\nadc = 3\n", &["`adc` is a section"]);
    refused("from = \"isaac\"\n[adc]\nfrom = \"ppsim\"\nleakage_mw = 0\n", &["mine.toml:4", "`from` takes the whole section"]);
    let adc = |keys: &str| format!("from = \"isaac\"\n[adc]\nleakage_mw = 0\n{keys}\n");
    refused(&adc("law = \"serve\""), &["`adc.law = \"serve\"` is not known", "survey"]);
    refused(&adc("law = \"survey\"\nrate_hz = 0\nnode_nm = 32"), &["`adc.rate_hz = 0` must be more than 0"]);
    refused(&adc("law = \"sar\"\ncell_ohm = 1e5\nconducting_frac = 1.5\nread_volt = 0.5\nareas_um2 = \"isaac\""), &["`adc.conducting_frac = 1.5` is more than 1"]);
    refused(&adc("law = \"table\"\npoints = []"), &["is no list of [4 figures]"]);
    refused(&adc("law = \"table\"\npoints = [[4, 0.2]]"), &["is no list of [4 figures]"]);
    let buffer = |kilobytes: &str| format!("from = \"adc-survey\"\n[buffer]\nsram = {{ kilobytes = {kilobytes}, port_bits = 256 }}\nbits_per_ns = 1\n");
    refused(&buffer("512"), &["no SRAM of 512 KB with a port of 256 bits", "16 to 256 KB"]);
    refused("from = \"isaac\"\n[adc\n", &["mine.toml:2", "not valid TOML"]);
}

#[test]
fn a_converter_that_a_law_does_not_know_is_refused() {
    let refused = |set: &ComponentSet, adc_bits: u32, part: &str| {
        let error = set.prices(&Reading { adc_bits, ..reading() }).expect_err("no such converter").to_string();
        assert!(error.contains(part) && error.contains("hint: "), "{error}");
    };
    let named = |name: &str| ComponentSet::named(name).unwrap_or_else(|e| panic!("{e}"));
    refused(&named("adc-survey"), 3, "component set adc-survey:5: the survey's law is for 4 to 16 bits, not 3");
    refused(&named("isaac"), 3, "no area of an ADC of 3 bits: it has 4, 5, 6, 7, 8, 9, 10");
    refused(&named("neurosim-sar"), 0, "the SAR law is for 1 to 16 bits");
    let forms = set("from = \"ppsim\"\n[adc]\nlaw = \"table\"\npoints = [[4, 0.2262, 0.476, 284.4]]\nleakage_mw = 0\n").unwrap_or_else(|e| panic!("{e}"));
    refused(&forms, 5, "mine.toml:2: no ADC of 5 bits: it has 4");
    let found = forms.prices(&reading()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((found.parts[ADC].event_pj[0], found.parts[ADC].area_um2), (0.2262, 284.4));
    let newton = set("from = \"ppsim\"\n[adc]\nlaw = \"early-stop\"\nbits = 9\nconversion_pj = 2.583\nconversion_ns = 0.9\narea_um2 = 1500\nleakage_mw = 0\n").unwrap_or_else(|e| panic!("{e}"));
    let found = newton.prices(&reading()).unwrap_or_else(|e| panic!("{e}"));
    assert!((found.parts[ADC].event_pj[0] - 1.148).abs() < 1e-9 && found.parts[ADC].area_um2 == 1500.0);
    refused(&newton, 10, "stops after 1 to 9 bits, not 10");
}

#[test]
fn a_name_or_a_path() {
    assert!(ComponentSet::find("issac").is_err_and(|e| e.to_string().contains("did you mean \"isaac\"?")));
    assert!(ComponentSet::find("none/such.toml").is_err_and(|e| e.to_string().contains("none/such.toml: cannot read")));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, "# mine: as ISAAC\nfrom = \"isaac\" # assumed: no better\n").expect("written");
    let set = ComponentSet::find(&path.display().to_string()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((set.title.as_str(), set.sources), ("mine: as ISAAC", ComponentSet::named("isaac").unwrap_or_else(|e| panic!("{e}")).sources));
}

#[test]
fn every_figure_in_use_is_listed_with_its_source() {
    for file in FILES {
        let set = ComponentSet::named(file.name).unwrap_or_else(|e| panic!("{e}"));
        assert!(PARTS.iter().all(|p| set.sources.iter().any(|l| l.path.starts_with(&format!("{}.", p.name)))), "{}", file.name);
        let names_a_set = |l: &&Line| !l.path.ends_with(".law") && files::find(l.value.trim_matches('"')).is_some();
        assert_eq!(set.sources.iter().find(names_a_set), None, "{}: a set's name is no figure", file.name);
    }
    let set = ComponentSet::named("neurosim-sar").unwrap_or_else(|e| panic!("{e}"));
    let found = |path: &str| set.sources.iter().find(|l| l.path == path).map(|l| (l.set.as_str(), l.value.as_str(), l.source.as_str()));
    assert_eq!(found("array.settle_ns").map(|(set, value, _)| (set, value)), Some(("ppsim", "7.68")));
    assert!(found("array.settle_ns").is_some_and(|(.., source)| source.starts_with("PP_sim: 15.6 ns")));
    assert_eq!(found("pooling.add_pj").map(|(set, value, _)| (set, value)), Some(("adc-survey", "0.21")));
    assert_eq!(found("wordline_driver.drive_pj").map(|(set, value, _)| (set, value)), Some(("ppsim", "{ pj = 0.05273, per = 9 }")));
    assert_eq!(found("sram.points").map(|(set, ..)| set), Some("adc-survey"));
}
