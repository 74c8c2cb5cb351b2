//! Accumulators -> integers of the output tensor. Twin of `shaders/requantize.wgsl`.

use super::crossbar_mvm::Mvm;
use crate::quantize::Requantize;

/// Writes the outputs of one part of a layer: `out[first_output + n][position]`.
pub fn requantize(scale: &Requantize, mvm: &Mvm, first_output: usize, out: &mut [u32]) {
    let width = mvm.layer.accumulators();
    let outputs = mvm.layer.outputs;
    let positions = mvm.window.positions();
    for position in 0..positions {
        let accumulators = &mvm.accumulators[position * width..(position + 1) * width];
        let extra = if width > outputs { accumulators[outputs] } else { 0 };
        for n in 0..outputs {
            out[(first_output + n) * positions + position] = scale.apply(n, accumulators[n], extra);
        }
    }
}
