//! `bwq mvm`: arrays in, arrays out.

use super::MvmArgs;
use super::terminal::Terminal;
use bwq::config::{self, Overrides};
use bwq::dataset::npy::{Array, parse_npy};
use bwq::error::{Error, Result, exit};
use bwq::mvm::{Operands, conductance_shape, mvm as multiply};
use bwq::sweep::{Observer, atomic};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// One crossbar product.
pub fn mvm(args: &MvmArgs, terminal: &Terminal) -> Result<u8> {
    let point = config::load_mvm(&args.config, &Overrides { trials: args.trials, ..Overrides::default() })?;
    for out in [Some(&args.out), args.pre_adc.as_ref()].into_iter().flatten() {
        check_output(args, out)?;
    }
    let (weights, inputs) = (read(&args.weights)?, read(&args.inputs)?);
    let shape = matrix(&weights, &args.weights, "n x k")?;
    let [rows, vectors] = matrix(&inputs, &args.inputs, "k x b")?;
    if rows != shape[1] {
        return Err(Error::input(args.inputs.display(), format!("{rows} rows; the weights take {} inputs", shape[1])).hint("inputs are k x b: one column per vector"));
    }
    let conductances = match &args.conductances {
        None => None,
        Some(path) => {
            let array = read(path)?;
            let expected = conductance_shape(&point, shape);
            if array.shape.len() != 5 || array.shape[1..] != expected {
                return Err(Error::input(path.display(), format!("an array {:?}; expected trials x {expected:?} (plane x slice x k x n)", array.shape)));
            }
            Some((array.shape[0], floats(&array, path)?))
        }
    };
    let operands = Operands { shape, weights: integers(&weights, &args.weights)?, vectors, inputs: integers(&inputs, &args.inputs)?, conductances, pre_adc: args.pre_adc.is_some(), kernel: None };
    let products = multiply(&point, &operands)?;
    write(&args.out, &[products.trials, shape[0], vectors], &products.outputs)?;
    if let (Some(path), Some((shape, values))) = (&args.pre_adc, &products.pre_adc) {
        write(path, shape, values)?;
    }
    terminal.say(&format!("{} trials, {} conversions clipped, {} cells cut at the largest conductance", products.trials, products.clipped, products.saturated_cells));
    Ok(exit::DONE)
}

/// An output must not take the place of an input, and its folder must be there: both are slips.
fn check_output(args: &MvmArgs, out: &Path) -> Result<()> {
    let inputs = [Some(&args.weights), Some(&args.inputs), Some(&args.config), args.conductances.as_ref()];
    let same = |input: &&std::path::PathBuf| out == input.as_path() || out.canonicalize().ok().is_some_and(|o| input.canonicalize().is_ok_and(|i| i == o));
    if inputs.into_iter().flatten().any(|input| same(&input)) {
        return Err(Error::input(out.display(), "is an input as well, and would be overwritten"));
    }
    match out.parent().filter(|p| !p.as_os_str().is_empty() && !p.is_dir()) {
        Some(folder) => Err(Error::input(out.display(), format!("there is no folder {}", folder.display()))),
        None => Ok(()),
    }
}

fn read(path: &Path) -> Result<Array> {
    let file = File::open(path).map_err(|e| Error::io(path, "read", &e))?;
    parse_npy(&mut BufReader::new(file), &path.display().to_string())
}

fn matrix(array: &Array, path: &Path, expected: &str) -> Result<[usize; 2]> {
    match array.shape[..] {
        [a, b] if a > 0 && b > 0 => Ok([a, b]),
        _ => Err(Error::input(path.display(), format!("an array {:?}; expected {expected}", array.shape))),
    }
}

/// Values of an integer array.
fn integers(array: &Array, path: &Path) -> Result<Vec<i64>> {
    let width = array.dtype[1..].parse().unwrap_or(1);
    let signed = array.dtype.starts_with('i');
    if !signed && !array.dtype.starts_with('u') {
        return Err(Error::input(path.display(), format!("type `{}`; expected integers", array.dtype)).hint("save a.astype('int16')"));
    }
    let value = |bytes: &[u8]| {
        let unused = 64 - 8 * width as u32;
        let raw = bytes.iter().rev().fold(0u64, |v, &b| v << 8 | u64::from(b)) << unused;
        if signed { raw as i64 >> unused } else { i64::try_from(raw >> unused).unwrap_or(i64::MAX) }
    };
    Ok(array.bytes.chunks_exact(width).map(value).collect())
}

/// Values of a float array; negative ones and NaN are refused.
fn floats(array: &Array, path: &Path) -> Result<Vec<f64>> {
    let values: Vec<f64> = match array.dtype.as_str() {
        "f4" => array.bytes.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))).collect(),
        "f8" => array.bytes.chunks_exact(8).map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])).collect(),
        other => return Err(Error::input(path.display(), format!("type `{other}`; expected float32 or float64"))),
    };
    match values.iter().position(|v| !(0.0..=f64::MAX).contains(v)) {
        Some(i) => Err(Error::input(path.display(), format!("element {i} is {}; a conductance is a number from 0 up, in units of g_on", values[i]))),
        None => Ok(values),
    }
}

fn write(path: &Path, shape: &[usize], values: &[f64]) -> Result<()> {
    use npyz::WriterBuilder;
    let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    let mut bytes = Vec::new();
    let written = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut bytes).begin_nd().and_then(|mut w| {
        w.extend(values.iter().copied())?;
        w.finish()
    });
    written.map_err(|e| Error::internal(format!("a NumPy array cannot be written: {e}")))?;
    atomic::write(path, &bytes)
}
