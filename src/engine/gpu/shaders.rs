//! The text of the shaders: files of `shaders/`, put together by `// #include "shared/NAME.wgsl"` lines.

/// Passes: their names, which are those of the files and of the CPU twins.
#[cfg(test)]
pub const PASSES: [&str; 15] = [
    "program_cells",
    "gather",
    "crossbar_mvm",
    "patterns",
    "code_tables",
    "look_up_codes",
    "sum_tables",
    "look_up_sums",
    "requantize",
    "add",
    "max_pool",
    "average_pool",
    "copy_channels",
    "fill_zero",
    "tally",
];

macro_rules! files {
    ($($path:literal),* $(,)?) => { [$(($path, include_str!(concat!("../../../shaders/", $path)))),*] };
}

const FILES: [(&str, &str); 25] = files![
    "program_cells.wgsl",
    "gather.wgsl",
    "crossbar_mvm.wgsl",
    "patterns.wgsl",
    "code_tables.wgsl",
    "look_up_codes.wgsl",
    "sum_tables.wgsl",
    "look_up_sums.wgsl",
    "requantize.wgsl",
    "add.wgsl",
    "max_pool.wgsl",
    "average_pool.wgsl",
    "copy_channels.wgsl",
    "fill_zero.wgsl",
    "tally.wgsl",
    "shared/adc.wgsl",
    "shared/conductance.wgsl",
    "shared/counters.wgsl",
    "shared/fixed_point.wgsl",
    "shared/grid.wgsl",
    "shared/patterns.wgsl",
    "shared/philox.wgsl",
    "shared/wide.wgsl",
    "shared/wide_columns.wgsl",
    "shared/window.wgsl",
];

/// The text of a pass with what it includes, each file once and before its first use.
pub fn source(pass: &str) -> String {
    with_includes(file(&format!("{pass}.wgsl")))
}

/// `text` with the files it includes in front.
pub fn with_includes(text: &str) -> String {
    let mut out = String::new();
    include(text, &mut Vec::new(), &mut out);
    out
}

fn include(text: &str, seen: &mut Vec<String>, out: &mut String) {
    for line in text.lines() {
        let Some(path) = line.strip_prefix("// #include \"").and_then(|rest| rest.strip_suffix('"')) else { continue };
        if !seen.iter().any(|s| s == path) {
            seen.push(path.to_string());
            include(file(path), seen, out);
        }
    }
    out.push_str(text);
    out.push('\n');
}

/// A file that is missing gives an empty text, which the shader compiler then refuses by the name it lacks.
fn file(path: &str) -> &'static str {
    FILES.iter().find(|f| f.0 == path).map_or("", |f| f.1)
}
