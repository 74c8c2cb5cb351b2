//! The module as a whole: files in, points or messages out. Long because it has a case for each kind of slip.

use super::point::*;
use super::*;

/// A file with every section and every kind of value; the tests change it.
const FULL: &str = r#"[network]
model = "embedded"            # or a path
dataset = "embedded"
images = 1000

[quantization]
weight_bits = 8
activation_bits = 8
precision_map = "uniform"

[crossbar]
rows = 128
cols = 128
ou_wordlines = [9, 16, 32, 64, 128]
ou_bitlines = 8
cell_bits = 1
dac_bits = 1
row_cut = "block-aligned"
encoding = "differential"     # or "offset"
subtraction = "analog"        # or "digital" (differential)
offset_removal = "digital"    # or "unit-column" (offset)

[adc]
bits = "lossless"
range = "full"

[device]
g_on_siemens = 1e-4
on_off_ratio = 100            # or "infinite"
fraction_bits = "max"
programming_error = { law = "lognormal", sigma_ln = [0.0, 0.05, 0.1, 0.2], clip = false }
read_noise = { law = "none" }
stuck_at = { on_frac = 0.0, off_frac = 0.0 }
wire_ohm = 0.0
wire_topology = "plain"

[monte_carlo]
trials = 1000
seed = 1
max_drop = 0.01
"#;

fn sweep(text: &str) -> Vec<PointConfig> {
    parse(text, "s.toml", &Overrides::default()).unwrap_or_else(|e| panic!("{text}\n{e}")).points
}

fn with(text: &str, set: &[&str]) -> Result<Vec<PointConfig>> {
    let set = set.iter().map(|s| s.to_string()).collect();
    parse(text, "s.toml", &Overrides { set, ..Default::default() }).map(|s| s.points)
}

/// The message about a file, or about `[section]` lines.
fn message(text: &str) -> String {
    parse(text, "s.toml", &Overrides::default()).expect_err(text).to_string()
}

#[test]
fn an_empty_file_is_one_point_of_defaults() {
    let points = sweep("");
    assert_eq!(points.len(), 1);
    let p = &points[0];
    assert_eq!(
        (p.crossbar.rows, p.crossbar.cols, p.crossbar.ou_wordlines, p.crossbar.ou_bitlines),
        (128, 128, 9, 8)
    );
    assert_eq!(p.crossbar.encoding, Encoding::Differential(Subtraction::Analog));
    assert_eq!(p.adc, AdcConfig { bits: AdcBits::Lossless, range: AdcRange::Full });
    assert_eq!(p.device.on_off_ratio, Some(100.0));
    assert_eq!(p.device.fraction_bits, None);
    assert_eq!(p.device.programming_error, ProgrammingError::None);
    assert_eq!((p.monte_carlo.trials, p.monte_carlo.seed, p.monte_carlo.max_drop), (100, 1, 0.01));
    assert_eq!((p.network.model.as_str(), p.network.images), ("embedded", 1000));
}

#[test]
fn the_documented_file_makes_the_product_with_the_last_axis_fastest() {
    let points = sweep(FULL);
    assert_eq!(points.len(), 20);
    let of = |p: &PointConfig| {
        (p.crossbar.ou_wordlines, p.value("device.programming_error.sigma_ln").unwrap_or_default())
    };
    assert_eq!(of(&points[0]), (9, "0".into()));
    assert_eq!(of(&points[1]), (9, "0.05".into()));
    assert_eq!(of(&points[19]), (128, "0.2".into()));
}

#[test]
fn messages_have_place_value_range_and_hint() {
    let text = FULL
        .replace("sigma_ln = [0.0, 0.05, 0.1, 0.2]", "sigma_ln = 5")
        .replace("clip = false", "clip = true");
    assert_eq!(
        message(&text),
        "s.toml:31: `device.programming_error.sigma_ln = 5` is outside 0 to 2 (fraction)\n  |  31 | programming_error = \
         { law = \"lognormal\", sigma_ln = 5, clip = true }\nhint: sigma_ln is a fraction: 5 means 500 %; 5 % is 0.05"
    );
}

#[test]
fn slips_are_recognised() {
    for (text, parts) in [
        ("[crossbr]\nrows = 1", ["s.toml:1", "did you mean [crossbar]?"]),
        ("[tiles]\nx = 1", ["unknown section `tiles`", "[network] [quantization]"]),
        ("rows = 64", ["unknown key `rows`", "`rows` belongs to [crossbar]"]),
        ("adc = \"ideal\"", ["`adc` is a section", "write [adc]"]),
        ("[[crossbar]]\nrows = 1", ["`crossbar` is a section", "once"]),
        (
            "[crossbar]\nou_wordline = 9",
            ["unknown key `crossbar.ou_wordline`", "did you mean `ou_wordlines`?"],
        ),
        ("[crossbar]\ntrials = 9", ["unknown key `crossbar.trials`", "belongs to `monte_carlo`"]),
        ("[device]\nsigma_ln = 0.1", ["unknown key", "belongs to `device.programming_error`"]),
        ("[adc]\nfoo_bar_baz = 1", ["unknown key", "keys here: bits, range"]),
        (
            "[device]\nprogramming_error = { law = \"none\", sigma = 1 }",
            ["unknown key", "keys here: law, sigma_ln"],
        ),
        ("[device]\nprogramming_error = \"lognormal\"", ["is no table", "write programming_error = {"]),
        ("[device]\nprogramming_error = []", ["is no table", "a list of such tables is an axis"]),
        ("[crossbar]\nou_wordlines = []", ["is an empty list", "1 to 1024"]),
        ("[crossbar]\nou_wordlines = [9, 16, 9]", ["has 9 twice", "once"]),
        ("[crossbar]\nou_wordlines = [9, 9.0]", ["`crossbar.ou_wordlines = 9.0`", "without the point"]),
        ("[crossbar]\nou_wordlines = [[9]]", ["is not 1 to 1024", "s.toml:2"]),
        ("[device]\non_off_ratio = [10, 1e1]", ["has 10 twice", "once"]),
        ("[monte_carlo]\ntrials = [10, 20]", ["no axis", "one value for the whole sweep"]),
        ("[monte_carlo]\ntrials = 0", ["outside 1 to 10000000 (chips)", "whole number"]),
        ("[device]\nread_noise = { law = \"normal-proportional\" }", ["needs `sigma_rel`", "s.toml:2"]),
        ("[device]\nread_noise = { law = \"normal-proportional\", sigma_rel = 0.06, model = \"flips\" }", ["`read_noise.sigma_rel = 0.06` is more than the 0.05", "model = \"exact\""]),
        ("[crossbar]\nou_wordlines = 13\n[device]\nread_noise = { law = \"normal-independent\", sigma_rel = 0.01, model = \"flips\" }", ["this has 2^13", "model = \"exact\""]),
        ("[adc]\nbits = \"ideal\"\n[device]\nread_noise = { law = \"normal-proportional\", sigma_rel = 0.01, model = \"flips\" }", ["an ideal converter has no codes", "model = \"exact\""]),
        ("[device]\nstuck_at = { on_frac = 0.6, off_frac = 0.5 }", ["more than all cells", "1 % is 0.01"]),
        ("[device]\nstuck_at = 0.1", ["is no table", "stuck_at = { on_frac = ... }"]),
        ("[device]\npreset = \"neurram\"", ["is not", "did you mean \"neurram_nature_2022\"?"]),
        ("[device]\nwire_topology = \"gate\"", ["is not", "did you mean \"gated\"?"]),
        ("[device]\nprogramming_error = { law = \"table\" }", ["needs `file`", "a path"]),
        ("[device]\nprogramming_error = { law = \"table\", file = \"none.csv\" }", ["none.csv", "cannot read"]),
    ] {
        let error = message(text);
        for part in parts {
            assert!(error.contains(part), "{text}\n-> {error}");
        }
    }
}

#[test]
fn values_that_nothing_uses_are_refused() {
    for (text, parts) in [
        (
            "[device]\nprogramming_error = { law = \"lognormal\", sigma_ln = 0.1, sigma_rel = 0.1 }",
            [
                "`device.programming_error.sigma_rel = 0.1` is not used by law = \"lognormal\"",
                "\"lognormal\" has sigma_ln, sigma_ln_off, clip",
            ],
        ),
        (
            "[device]\nprogramming_error = { sigma_ln = 0.1 }",
            ["not used by law = \"none\"", "sigma_ln goes with law = \"lognormal\""],
        ),
        (
            "[crossbar]\noffset_removal = \"unit-column\"",
            ["not used by encoding", "offset_removal goes with encoding = \"offset\""],
        ),
        (
            "[crossbar]\nencoding = \"offset\"\nsubtraction = \"digital\"",
            ["not used by", "\"offset\" has offset_removal"],
        ),
        ("[adc]\nrange = \"calibrated\"", ["not used by bits = \"lossless\"", "bits = a number"]),
        ("[adc]\nbits = \"ideal\"\nrange = [-2, 2]", ["not used by bits = \"ideal\"", "bits = a number"]),
        (
            "[device]\nprogramming_error = [{ law = \"none\", sigma_ln = 0.1 }, { law = \"lognormal\", sigma_ln = 0.2 }]",
            ["`device.programming_error.sigma_ln = 0.1` is not used", "\"lognormal\""],
        ),
    ] {
        let error = message(text);
        for part in parts {
            assert!(error.contains(part), "{text}\n-> {error}");
        }
    }
    // ... but a law without its sigma is no law.
    let error = message("[device]\nprogramming_error = { law = \"normal-proportional\" }");
    assert!(error.contains("needs `sigma_rel`: 0 to 1") && error.contains("s.toml:2"), "{error}");
}

#[test]
fn an_axis_of_the_partner_makes_values_useful_and_points_merge() {
    let encodings = sweep(
        "[crossbar]\nencoding = [\"differential\", \"offset\"]\nsubtraction = [\"analog\", \"digital\"]",
    );
    assert_eq!(encodings.len(), 3, "offset has no subtraction");
    let adcs = sweep("[adc]\nbits = [\"lossless\", \"ideal\", 4, 3]\nrange = [\"calibrated\", [-2, 2]]");
    assert_eq!(adcs.len(), 6);
    assert_eq!(adcs[0].adc, AdcConfig { bits: AdcBits::Lossless, range: AdcRange::Full });
    assert_eq!(adcs[3].adc, AdcConfig { bits: AdcBits::Bits(4), range: AdcRange::Given(-2.0, 2.0) });
    let laws = sweep(
        "[device]\nprogramming_error = { law = [\"none\", \"lognormal\", \"normal-independent\"], sigma_ln = [0.1, 0.2], \
         sigma_rel = 0.1, clip = [false, true] }",
    );
    assert_eq!(laws.len(), 1 + 4 + 2);
}

#[test]
fn lists_of_laws_ranges_and_steps_are_axes() {
    let laws = sweep(
        "[device]\nprogramming_error = [{ law = \"none\" }, { law = \"lognormal\", sigma_ln = [0.1, 0.2] }, \
         { law = \"normal-independent\", sigma_rel = 0.1, clip = true }]",
    );
    assert_eq!(laws.len(), 4);
    assert_eq!(
        laws[3].device.programming_error,
        ProgrammingError::NormalIndependent { sigma_rel: 0.1, clip: true }
    );
    assert_eq!(sweep("[adc]\nbits = 4\nrange = [[-9, 9], [-4, 4], \"full\"]").len(), 3);
    assert_eq!(sweep("[adc]\nbits = 4\nrange = [-9, 9]").len(), 1);
    assert!(message("[adc]\nbits = 4\nrange = [-9, 9, 4]").contains("is no pair"));
    assert!(message("[adc]\nbits = 4\nrange = [-9, [1, 2]]").contains("s.toml:3"));
    let bits = sweep("[adc]\nbits = { from = 3, to = 8, step = 1 }");
    assert_eq!(
        bits.iter().map(|p| p.adc.bits).collect::<Vec<_>>(),
        (3..=8).map(AdcBits::Bits).collect::<Vec<_>>()
    );
    let sigmas = sweep(
        "[device.programming_error]\nlaw = \"lognormal\"\nsigma_ln = { from = 0, to = 0.3, step = 0.1 }",
    );
    assert_eq!(
        sigmas[3].device.programming_error,
        ProgrammingError::Lognormal { sigma_ln: 0.3, sigma_ln_off: None, clip: false }
    );
    let twice = "{ law = \"lognormal\", clip = true, sigma_ln = 0.1 }, { sigma_ln = 0.1, law = \"lognormal\", clip = true }";
    assert!(
        message(&format!("[device]\nprogramming_error = [{twice}]")).contains("twice with the same values")
    );
    for (steps, part) in [
        ("{ from = 3, to = 8 }", "needs a number `step`"),
        ("{ from = 3, to = 8, step = 0.5 }", "is not a whole number"),
        ("{ from = 3, to = 8, stride = 1 }", "unknown `stride`"),
        ("{ from = 3, to = 2, step = 1 }", "is no row of values"),
        ("{ from = 0, to = 1e9, step = 1e-9 }", "at most 100000"),
        ("{ from = 10, to = 20, step = 5 }", "is not 1 to 14"),
    ] {
        let error = message(&format!("[adc]\nbits = {steps}"));
        assert!(error.contains(part), "{steps}: {error}");
    }
}

#[test]
fn too_many_points_are_refused_at_once() {
    let seeds = "[monte_carlo]\nseed = { from = 1, to = 99999, step = 1 }\n";
    let error = message(&format!("{seeds}[adc]\nbits = [3, 4]"));
    assert!(error.contains("the axes make 2 x 99999 points; at most 100000"), "{error}");
    let law =
        "{ law = \"lognormal\", sigma_ln = { from = 0, to = 1, step = 0.00002 }, clip = [true, false] }";
    assert!(
        message(&format!("[device]\nprogramming_error = [{law}, {{ law = \"none\" }}]"))
            .contains("at most 100000")
    );
}

#[test]
fn what_does_not_fit_together_is_refused_with_its_place() {
    for (text, parts) in [
        (
            "[crossbar]\nrows = 64\nou_wordlines = [9, 128]",
            ["s.toml:3: `crossbar.ou_wordlines = 128` is more than", "rows = 64"],
        ),
        (
            "[crossbar]\nrows = 8",
            ["s.toml:2: `crossbar.ou_wordlines = 9` is more than `crossbar.rows = 8`", "hint"],
        ),
        ("[crossbar]\ncols = 4", ["`crossbar.ou_bitlines = 8` is more than", "cols"]),
        (
            "[quantization]\nprecision_map = \"m.json\"\n[crossbar]\nencoding = [\"differential\", \"offset\"]",
            ["s.toml:2", "a map holds magnitude bits"],
        ),
        ("[adc]\nbits = 1", ["a signed converter has 2^bits - 2 steps", "adc.bits = 2 or more"]),
        ("[crossbar]\nou_wordlines = 128\n[device]\nfraction_bits = 24", ["s.toml:4", "at most 23"]),
        (
            "[crossbar]\nou_wordlines = [9, 16]\n[device]\nwire_ohm = [0.0, 2.5]\nwire_topology = \"gated\"",
            ["s.toml:2: `crossbar.ou_wordlines = 16` with `device.wire_topology = \"gated\"`", "ou_wordlines = 12 or less"],
        ),
        (
            "[crossbar]\ndac_bits = 2\n[device]\nwire_ohm = 1\nwire_topology = \"gated\"",
            ["s.toml:2: `crossbar.dac_bits = 2` with", "use dac_bits = 1"],
        ),
        ("[crossbar]\ndac_bits = 2\n[device]\nfraction_bits = 30", ["at most 26", "\"max\""]),
    ] {
        let error = message(text);
        for part in parts {
            assert!(error.contains(part), "{text}\n-> {error}");
        }
    }
    assert_eq!(
        sweep("[crossbar]\nou_wordlines = 128\n[device]\nfraction_bits = 23")[0].device.fraction_bits,
        Some(23)
    );
    assert_eq!(sweep("[adc]\nbits = 1\n[crossbar]\nencoding = \"offset\"").len(), 1);
}

#[test]
fn the_command_line_has_the_last_word() {
    let points = with(FULL, &["crossbar.ou_wordlines=9", "crossbar.encoding=offset", "adc.bits=[3,4]"])
        .expect("is fine");
    assert_eq!(points.len(), 8, "four sigmas, two resolutions");
    assert_eq!(points[0].crossbar.encoding, Encoding::Offset(OffsetRemoval::Digital));
    // Another law on the command line: the file's sigma has lost its meaning, and is no mistake.
    let law = with(FULL, &["device.programming_error.law=none", "crossbar.ou_wordlines=9"]).expect("is fine");
    assert_eq!(law.len(), 1);
    let whole = with(FULL, &["device.programming_error={law=\"normal-proportional\", sigma_rel=0.1}"])
        .expect("is fine");
    assert_eq!(whole.len(), 5);
    // The values of the command line are checked like the others.
    let error = with(FULL, &["crossbar.rows=0"]).expect_err("0 rows").to_string();
    assert!(
        error.starts_with("--set crossbar.rows=0: `crossbar.rows = 0` is outside 1 to 4096 (wordlines)"),
        "{error}"
    );
    assert!(with(FULL, &["adc.range=[-1,1]"]).is_err_and(|e| e.message.contains("not used by bits")));
    assert!(with(FULL, &["crossbar=9"]).is_err_and(|e| e.message.contains("unknown key")));
    let laws = "[device]\nprogramming_error = [{ law = \"none\" }]";
    assert!(
        with(laws, &["device.programming_error.law=none"]).is_err_and(|e| e.message.contains("no table"))
    );
    let numbers = Overrides {
        images: Some(10),
        trials: Some(7),
        seed: Some(3),
        set: vec!["monte_carlo.trials=9".into()],
        ..Overrides::default()
    };
    let p = &parse(FULL, "s.toml", &numbers).expect("is fine").points[0];
    assert_eq!((p.network.images, p.monte_carlo.trials, p.monte_carlo.seed), (10, 7, 3));
    let none = Overrides { trials: Some(0), ..Default::default() };
    assert!(parse(FULL, "s.toml", &none).is_err_and(|e| e.place.as_deref() == Some("--trials 0")));
}

#[test]
fn mvm_takes_one_point_without_a_network() {
    let none = Overrides::default();
    let one = |text: &str| parse_mvm(text, "m.toml", &none);
    let p = one("[quantization]\nweight_bits = 4\n[adc]\nbits = 3\nrange = [-9, 9]\n[monte_carlo]\nseed = 2")
        .expect("is fine");
    assert_eq!(
        (p.quantization.weight_bits, p.adc.range, p.monte_carlo.seed),
        (4, AdcRange::Given(-9.0, 9.0), 2)
    );
    for (text, part) in [
        ("[network]\nimages = 3", "`[network]` has no place here"),
        ("[crossbar]\nrows = [64]", "not a sweep: give one value"),
        ("[adc]\nbits = { from = 1, to = 3, step = 1 }", "give one value"),
        ("[device]\nprogramming_error = [{ law = \"none\" }]", "is no table"),
    ] {
        assert!(one(text).is_err_and(|e| e.to_string().contains(part)), "{text}");
    }
}

#[test]
fn the_hash_is_of_what_decides_the_result() {
    let text = |toml: &str| sweep(toml)[0].canonical();
    let base = text("");
    assert!(
        base.contains("crossbar.rows = 128\n") && base.contains("device.g_on_siemens = 0.0001\n"),
        "{base}"
    );
    let mut sorted: Vec<&str> = base.lines().collect();
    sorted.sort_unstable();
    assert_eq!(sorted, base.lines().collect::<Vec<_>>());
    for absent in [
        "model",
        "dataset",
        "precision_map",
        "trials",
        "max_drop",
        "offset_removal",
        "sigma",
        "clip =",
        "range",
    ] {
        assert!(!base.contains(absent), "{absent}");
    }
    for same in [
        "[network]\nmodel = \"a.json\"\ndataset = \"b\"",
        "[quantization]\nprecision_map = \"m.json\"",
        "[monte_carlo]\ntrials = 7\nmax_drop = 0.5",
        "[device]\ng_on_siemens = 0.00010\non_off_ratio = 100.0",
    ] {
        assert_eq!(text(same), base, "{same}");
    }
    for other in [
        "[monte_carlo]\nseed = 2",
        "[network]\nimages = 5",
        "[crossbar]\nou_wordlines = 16",
        "[adc]\nbits = 4",
    ] {
        assert_ne!(text(other), base, "{other}");
    }
}

#[test]
fn columns_are_fixed_and_values_read_back() {
    let overrides = [
        "crossbar.encoding=[\"offset\",\"differential\"]",
        "adc.bits=[4,\"ideal\"]",
        "adc.range=[[-2,2.5],\"full\"]",
    ];
    for p in with(FULL, &overrides).expect("is fine") {
        let columns = p.columns();
        assert_eq!(
            columns.iter().map(|(c, _)| *c).collect::<Vec<_>>(),
            keys::KEYS.iter().map(|k| k.column).collect::<Vec<_>>()
        );
        // What the columns show is what the file would say: a file made of them is the same point.
        let set: Vec<String> = keys::KEYS
            .iter()
            .filter_map(|k| {
                let value = p.value(k.path)?;
                Some(match value.split_once("..") {
                    Some((lo, hi)) => format!("{}=[{lo}, {hi}]", k.path),
                    None => format!("{}={value}", k.path),
                })
            })
            .collect();
        let again =
            parse("", "s.toml", &Overrides { set, ..Default::default() }).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(again.points, [p]);
    }
}

#[test]
fn a_key_has_a_value_exactly_where_the_table_says_it_is_used() {
    for (set, absent) in [
        (
            "crossbar.encoding=offset",
            ["crossbar.subtraction", "adc.range", "device.programming_error.sigma_rel"],
        ),
        ("adc.bits=5", ["crossbar.offset_removal", "device.programming_error.sigma_rel", ""]),
        (
            "device.programming_error.law=none",
            ["device.programming_error.clip", "device.programming_error.sigma_ln", "adc.range"],
        ),
    ] {
        let p = &with(FULL, &[set]).expect("is fine")[0];
        for key in keys::KEYS {
            let used = key.used_with.is_none_or(|u| {
                let partner = p.value(u.key).unwrap_or_default();
                u.values.contains(&partner.as_str())
                    || u.values.contains(&keys::A_NUMBER) && partner.parse::<u32>().is_ok()
            });
            assert_eq!(p.value(key.path).is_some(), used, "{set}: {}", key.path);
            assert!(used || !absent.is_empty());
        }
        assert!(absent.iter().all(|path| p.value(path).is_none()), "{set}");
    }
}

#[test]
fn files_that_are_no_sweep_are_named() {
    let missing = load(Path::new("no/such/sweep.toml"), &Overrides::default()).expect_err("no file");
    assert!(
        missing.to_string().contains("no/such/sweep.toml") && missing.to_string().contains("bwq new"),
        "{missing}"
    );
    let path = std::env::temp_dir().join(format!("bwq-config-test-{}.toml", std::process::id()));
    std::fs::write(&path, [0xff, 0xfe, 0x00]).expect("temporary file");
    let error = load(&path, &Overrides::default()).expect_err("no text").to_string();
    std::fs::write(&path, format!("\u{feff}{}", FULL.replace('\n', "\r\n"))).expect("temporary file");
    let windows = load_mvm(&path, &Overrides::default()).map(|_| ()).expect_err("has a network").to_string();
    let points = load(&path, &Overrides::default()).map(|s| s.points.len());
    std::fs::remove_file(&path).expect("temporary file");
    assert!(error.contains("is not UTF-8 text"), "{error}");
    assert!(windows.contains("has no place here"), "{windows}");
    assert_eq!(points.ok(), Some(20), "a byte order mark and CRLF are no fault");
}

#[test]
fn no_text_makes_it_panic() {
    // A small generator of our own (splitmix64): the same texts on every machine.
    let mut state = 1u64;
    let mut below = |n: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    };
    let scraps: Vec<&str> = FULL.split_inclusive([' ', '\n', ',']).collect();
    let odd = [
        "[",
        "]",
        "{",
        "}",
        "=",
        ",",
        "\"",
        "'",
        "nan",
        "-inf",
        "1e999",
        "-1",
        "99999999999999999999999999999999999999999",
        "0x",
        "\u{0}",
        "\u{1b}",
        "é",
        "[[",
        "{from=0,to=1,step=0}",
        "1979-05-27",
        "a.b.c",
        "#",
        "\r",
        "\"\"\"",
        "0.0",
        "[]",
        "{}",
    ];
    let mut fine = 0;
    for round in 0..6000 {
        let mut text: Vec<&str> = scraps.clone();
        for _ in 0..1 + below(3) {
            let i = below(text.len());
            match below(4) {
                0 => text[i] = odd[below(odd.len())],
                1 => text[i] = scraps[below(scraps.len())],
                2 => drop(text.remove(i)),
                _ => text.insert(i, odd[below(odd.len())]),
            }
        }
        let text = text.concat();
        // Half as a file; half cut at a character and given as an option, too.
        match parse(&text, "s.toml", &Overrides::default()) {
            Ok(_) => fine += 1,
            Err(e) => assert_eq!(e.exit_code(), crate::error::exit::INPUT, "{text}\n{e}"),
        }
        if round % 2 == 0 {
            let cut: String = text.chars().skip(below(600)).take(below(60)).collect();
            let _ = with("", &[&cut, &format!("adc.bits={cut}")]);
            let _ = parse_mvm(&cut, "m.toml", &Overrides::default());
        }
    }
    assert!(fine > 100, "mutations that stay valid are part of the test: {fine}");
    for deep in ["[".repeat(50_000), "a.".repeat(50_000), "a={".repeat(50_000), "[a.".repeat(50_000)] {
        assert!(parse(&deep, "s.toml", &Overrides::default()).is_err());
    }
}
