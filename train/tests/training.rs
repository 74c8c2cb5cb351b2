//! Whole trainings of a small network on small images made here: repeatable to the bit, interrupted or not, whatever the
//! threads; what they export is what the engine computes.

mod support;

use bwq::error::{Kind, exit};
use bwq_train::config::Config;
use bwq_train::run::{self, Outcome, Screen};
use bwq_train::search::Row;
use std::cell::Cell;
use std::path::Path;

/// Stops after a number of looks, if there is one.
#[derive(Default)]
struct Quiet {
    stop_after: Option<usize>,
    looks: Cell<usize>,
    epochs: Cell<usize>,
}

impl Screen for Quiet {
    fn say(&self, _: &str) {}
    fn progress(&self, _: &Row, done: usize, _: usize) {
        self.epochs.set(done);
    }
    fn interrupted(&self) -> bool {
        self.looks.set(self.looks.get() + 1);
        self.stop_after.is_some_and(|after| self.looks.get() > after)
    }
}

/// A training in `folder` with the files of [`support::small`], and what is set over them.
fn config(folder: &Path, set: &[&str]) -> Config {
    let text = format!(
        "[network]\nmodel = \"{0}/net.json\"\ndataset = \"{0}\"\nimages = 60\n[quantization]\nweight_bits = 5\nactivation_bits = [4]\n\
         [train]\nalpha = [0.01]\nepochs = 6\nadjust_every = 2\nsettle_epochs = 1\nbatch = 8\nlearning_rate = 0.05\nplane_rate = 10\ncrop = 1\nmax_drop = 1.0\n",
        folder.display()
    );
    Config::parse(&text, "train.toml", &set.iter().map(|s| s.to_string()).collect::<Vec<_>>()).expect("a training")
}

fn train(config: &Config, out: &Path) -> Outcome {
    run::run(config, out, &Quiet::default()).expect("trained")
}

/// All that must not differ.
fn files(out: &Path) -> Vec<Vec<u8>> {
    let names = ["network.json", "network.safetensors", "precision_map.json", "curve.csv", "layers.csv"];
    names.iter().map(|name| std::fs::read(out.join(name)).expect(name)).collect()
}

#[test]
fn a_folder_with_other_things_is_refused() {
    let folder = support::small();
    let error = run::run(&config(folder.path(), &[]), folder.path(), &Quiet::default()).expect_err("refused");
    assert!(error.exit_code() == exit::INPUT && error.message.contains("other things") && !folder.path().join(".lock").exists(), "{error}");
}

/// Begins a training, of its own or of another, in the folder where one is at work.
struct Second<'a> {
    configs: [&'a Config; 2],
    out: &'a Path,
    refused: Cell<usize>,
}

impl Screen for Second<'_> {
    fn say(&self, _: &str) {}
    fn progress(&self, _: &Row, _: usize, _: usize) {
        for config in self.configs {
            let error = run::run(config, self.out, &Quiet::default()).expect_err("two in one folder");
            assert!(error.to_string().contains("at work in this folder") && error.exit_code() == exit::INPUT && error.place.is_some_and(|p| p == self.out.display().to_string()));
            self.refused.set(self.refused.get() + 1);
        }
    }
    fn interrupted(&self) -> bool {
        false
    }
}

#[test]
fn a_training_is_alone_in_its_folder() {
    let folder = support::small();
    let [config, other] = [&["train.epochs=2"][..], &["train.epochs=3"]].map(|set| config(folder.path(), set));
    let (shared, own) = (folder.path().join("shared"), folder.path().join("own"));
    let second = Second { configs: [&config, &other], out: &shared, refused: Cell::new(0) };
    run::run(&config, &shared, &second).expect("trained");
    assert_eq!(second.refused.get(), 4, "two in each of two epochs");
    train(&config, &own);
    assert_eq!(files(&shared), files(&own));
    // Afterwards another one is still refused: the folder is that of the first.
    assert!(run::run(&other, &shared, &Quiet::default()).expect_err("another training").to_string().contains("checkpoint.safetensors"));
}

#[test]
fn the_same_seed_gives_the_same_files_with_any_number_of_threads() {
    let folder = support::small();
    let config = config(folder.path(), &["train.sigma_ln=0.1"]);
    let out = |name: &str| folder.path().join(name);
    train(&config, &out("a"));
    train(&config, &out("b"));
    assert_eq!(files(&out("a")), files(&out("b")));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("threads");
    pool.install(|| train(&config, &out("c")));
    assert_eq!(files(&out("a")), files(&out("c")));
    train(&self::config(folder.path(), &["train.sigma_ln=0.1", "train.seed=2"]), &out("d"));
    assert_ne!(files(&out("a"))[1], files(&out("d"))[1]);
}

#[test]
fn an_interrupted_training_goes_on_to_the_same_files() {
    let folder = support::small();
    let config = config(folder.path(), &["train.alpha=[0.01, 0.02]", "quantization.activation_bits=[5, 3]"]);
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    train(&config, &whole);
    let mut stops = 0;
    // A prime number of looks: stops within epochs, at their ends, and within later settings.
    loop {
        match run::run(&config, &parts, &Quiet { stop_after: Some(31), ..Quiet::default() }) {
            Ok(_) => break,
            Err(error) => {
                assert_eq!((error.kind, error.exit_code()), (Kind::Interrupted, exit::INTERRUPTED));
                assert!(parts.join("checkpoint.safetensors").is_file());
                stops += 1;
                assert!(stops < 100, "it goes on");
            }
        }
    }
    assert!(stops > 3, "{stops} stops");
    assert_eq!(files(&whole), files(&parts));
    // Done is done: nothing is trained again.
    let again = Quiet::default();
    run::run(&config, &parts, &again).expect("there");
    assert_eq!((again.looks.get(), files(&whole) == files(&parts)), (0, true));
    // Another training does not go on from it.
    let other = self::config(folder.path(), &["train.alpha=0.03"]);
    assert!(run::run(&other, &parts, &Quiet::default()).is_err_and(|e| e.message.contains("other values")));
}

#[test]
fn the_engine_computes_what_was_trained() {
    let folder = support::small();
    for (method, more) in [("bwq", "train.block_cols=3"), ("bsq", "train.alpha=0.2"), ("qat", "train.flip=false")] {
        let config = config(folder.path(), &[&format!("train.method={method}"), more]);
        let out = folder.path().join(method);
        let outcome = train(&config, &out);
        let a = outcome.agreement;
        assert_eq!((a.trained_correct as u64, a.different), (a.engine_correct as u64, 0), "{method}");
        assert!(a.trained_correct > 40, "{method}: {} of {}", a.trained_correct, a.images);
        // The integers in the file are those of the model, within the bits of the map.
        let network = bwq::network::read::read(&out.join("network.json")).expect("a network");
        let map = bwq::quantize::PrecisionMap::read(&out.join("precision_map.json")).expect("a map");
        let (mut bits, mut weights) = (0, 0);
        for node in &network.nodes {
            let (bwq::network::Op::Conv2d { weight, .. } | bwq::network::Op::Linear { weight, .. }) = &node.op else { continue };
            let rows: usize = weight.shape[1..].iter().product();
            map.check_layer(&node.name, rows, weight.shape[0], 4, "map").expect("it fits");
            for (i, q) in weight.integers().expect("integers").iter().enumerate() {
                let p = map.bits(&node.name, i % rows, i / rows);
                assert!(q.unsigned_abs() < 1 << p, "{method}: {q} in {p} bits");
                bits += p;
                weights += 1;
            }
        }
        assert!((f64::from(bits) / f64::from(weights) - outcome.mean_bits).abs() < 1e-9);
        assert!(if method == "qat" { outcome.mean_bits == 4.0 } else { outcome.mean_bits < 4.0 }, "{method}: {}", outcome.mean_bits);
    }
}

/// A training that starts from integers begins with them and their blocks' bits: where nothing is learned nothing changes,
/// and bits do not come back where something is. The float network stays the measure.
#[test]
fn a_training_goes_on_from_integers() {
    let folder = support::small();
    let first = train(&config(folder.path(), &[]), &folder.path().join("first"));
    let start = format!("train.start={}", first.paths[0].display());
    let integers = |outcome: &Outcome| -> Vec<i32> {
        let network = bwq::network::read::read(&outcome.paths[0]).expect("a network");
        let of = |node: &bwq::network::Node| match &node.op {
            bwq::network::Op::Conv2d { weight, .. } | bwq::network::Op::Linear { weight, .. } => weight.integers().expect("integers"),
            _ => Vec::new(),
        };
        network.nodes.iter().flat_map(of).collect()
    };
    let still = train(&config(folder.path(), &[&start, "train.alpha=0", "train.epochs=2", "train.learning_rate=0"]), &folder.path().join("still"));
    assert_eq!((integers(&still), still.mean_bits, still.float_correct), (integers(&first), first.mean_bits, first.float_correct));
    let more = train(&config(folder.path(), &[&start, "train.alpha=0.02"]), &folder.path().join("more"));
    assert!(more.mean_bits <= first.mean_bits && integers(&more) != integers(&first), "{more:?}");
    assert_eq!(more.agreement.different, 0);
    let refused = |set: &[&str]| run::run(&config(folder.path(), set), &folder.path().join("no"), &Quiet::default()).map(|_| ()).expect_err("a refusal").to_string();
    assert!(refused(&[&start, "quantization.weight_bits=2"]).contains("quantization.weight_bits"));
    assert!(refused(&[&format!("train.start={}/net.json", folder.path().display())]).contains("network of integers"));
}

/// Outside the budget at once: the model is written, and the outcome says so. Later: the last one within is kept.
#[test]
fn the_budget_decides() {
    let folder = support::small();
    let strict = config(folder.path(), &["train.alpha=[0.0, 100.0, 0.0]", "train.max_drop=0.0", "train.adjust_every=1"]);
    let outcome = train(&strict, &folder.path().join("strict"));
    assert!(outcome.within_budget && outcome.mean_bits > 1.0, "{outcome:?}");
    let curve = std::fs::read_to_string(folder.path().join("strict/curve.csv")).expect("a curve");
    assert_eq!(curve.lines().count(), 1 + 12, "the third alpha is not tried");
    let none = config(folder.path(), &["train.alpha=100", "train.max_drop=0", "train.adjust_every=1"]);
    let outcome = train(&none, &folder.path().join("none"));
    assert!(!outcome.within_budget && outcome.mean_bits < 0.5, "{outcome:?}");
}

#[test]
fn files_are_refused_with_a_hint() {
    let parse = |text: &str| Config::parse(text, "train.toml", &[]).map(|_| ()).expect_err(text).to_string();
    for (text, part) in [
        ("[train]\nepoch = 3", "did you mean `epochs`?"),
        ("[trian]\nepochs = 3", "did you mean [train]?"),
        ("epochs = 3", "belongs to [train]"),
        ("[network]\nalpha = 3", "`alpha` belongs to [train]"),
        ("[train]\nmethod = \"bqw\"", "did you mean \"bwq\"?"),
        ("[train]\nbatch = 0", "outside 1 to 65536"),
        ("[train]\nmax_drop = 5", "5 % is 0.05"),
        ("[train]\nepochs = [1, 2]", "is not 1 to"),
        ("[train]\nepochs = 3", "dataset-fashion-mnist"),
        ("[network]\ndataset = \"x\"\n[train]\nepochs = 3\nsettle_epochs = 3", "leaves no epoch"),
    ] {
        let message = parse(text);
        assert!(message.contains(part), "{text}: {message}");
    }
    let error = Config::parse("", "t", &["train.epoch=3".into()]).map(|_| ()).expect_err("no key");
    assert!(error.to_string().contains("did you mean `train.epochs`?"), "{error}");
    let folder = support::small();
    std::fs::remove_file(folder.path().join("train-labels-idx1-ubyte")).expect("removed");
    let error = run::run(&config(folder.path(), &[]), &folder.path().join("out"), &Quiet::default()).map(|_| ()).expect_err("no labels");
    assert!(error.to_string().contains("labels"), "{error}");
}

#[test]
fn the_reference_of_the_file_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/train.md");
    let generated = bwq_train::config::reference_markdown();
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|v| v == "1") {
        std::fs::write(&path, &generated).expect("written");
    }
    assert!(std::fs::read_to_string(&path).unwrap_or_default() == generated, "docs/train.md is stale: UPDATE_GOLDEN=1 cargo test -p bwq-train rewrites it");
}
