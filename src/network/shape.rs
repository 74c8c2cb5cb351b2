//! How the shape of a node's output follows from those of its inputs, and what is refused on the way.
//!
//! Shapes are those of one image: [C, H, W], or `[N]` after flattening. Nothing here trusts a number: sizes are
//! multiplied with checks and bounded by [`MAX_VALUES`].

use super::Op;

/// Most values that one tensor of activations may hold (256 MiB of f32), padding included.
pub const MAX_VALUES: usize = 1 << 26;

/// A window that slides over an image. Pairs are [vertical, horizontal]; `pad` is [top, left, bottom, right].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Height and width of the window, in taps.
    pub kernel: [usize; 2],
    /// Steps between neighbouring outputs, in pixels.
    pub stride: [usize; 2],
    /// Rows and columns added around the image.
    pub pad: [usize; 4],
    /// Distance between neighbouring taps, in pixels.
    pub dilation: [usize; 2],
}

impl Window {
    /// Height and width of an image of `size` with the padding; `None` if they overflow.
    pub fn padded(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        let [top, left, bottom, right] = self.pad;
        Some([size[0].checked_add(top)?.checked_add(bottom)?, size[1].checked_add(left)?.checked_add(right)?])
    }

    /// Height and width of the output for an image of `size`, or why there is none.
    pub fn output(&self, size: [usize; 2]) -> Result<[usize; 2], String> {
        let padded = self.padded(size).ok_or("the padding overflows")?;
        let mut out = [0; 2];
        for axis in 0..2 {
            if self.kernel[axis] == 0 || self.stride[axis] == 0 || self.dilation[axis] == 0 {
                return Err("kernel, stride and dilation must be at least 1".into());
            }
            let reach = (self.kernel[axis] - 1).checked_mul(self.dilation[axis]).and_then(|r| r.checked_add(1));
            let room = reach.and_then(|reach| padded[axis].checked_sub(reach)).ok_or_else(|| {
                format!(
                    "the window of {} x {} (dilation {} x {}) is larger than the padded input of {} x {}",
                    self.kernel[0], self.kernel[1], self.dilation[0], self.dilation[1], padded[0], padded[1]
                )
            })?;
            out[axis] = room / self.stride[axis] + 1;
        }
        Ok(out)
    }
}

/// Shape of the output of `op`, given the shapes of its inputs; the error says what does not fit.
pub fn output_shape(op: &Op, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
    let wanted = match op {
        Op::Add => 2..=2,
        Op::Concat => 1..=usize::MAX,
        _ => 1..=1,
    };
    if !wanted.contains(&inputs.len()) {
        let many = if *op == Op::Concat { "at least 1".into() } else { wanted.start().to_string() };
        return Err(format!("`{}` takes {many} input(s), {} given", op.name(), inputs.len()));
    }
    let first = inputs[0];
    let shape = match op {
        Op::Conv2d { weight, bias, stride, pad, dilation, groups } => {
            let [c, h, w] = image(op, first)?;
            let &[out, per_group, kh, kw] = weight.shape.as_slice() else {
                return Err(format!("the weight has shape {:?}; [out, in / groups, kh, kw] is needed", weight.shape));
            };
            if *groups == 0 || c % groups != 0 || out % groups != 0 {
                return Err(format!("{groups} groups do not divide {c} input and {out} output channels"));
            }
            if per_group != c / groups {
                return Err(format!(
                    "the weight {:?} takes {per_group} input channels per group; the input {first:?} in {groups} group(s) has {}",
                    weight.shape, c / groups
                ));
            }
            length(bias, out)?;
            let [oh, ow] = slide([kh, kw], *stride, *pad, *dilation, c, [h, w])?;
            vec![out, oh, ow]
        }
        Op::BatchNorm { gamma, beta, mean, var, .. } => {
            let channels = first.first().copied().unwrap_or(0);
            for (name, values) in [("gamma", gamma), ("beta", beta), ("mean", mean), ("var", var)] {
                if values.len() != channels {
                    return Err(format!("`{name}` has {} values for {channels} channels", values.len()));
                }
            }
            first.to_vec()
        }
        Op::Linear { weight, bias } => {
            let &[out, rows] = weight.shape.as_slice() else {
                return Err(format!("the weight has shape {:?}; [out, in] is needed", weight.shape));
            };
            if first != [rows] {
                return Err(format!("the weight {:?} needs an input of shape [{rows}]; it is {first:?}", weight.shape));
            }
            length(bias, out)?;
            vec![out]
        }
        Op::Relu | Op::ClippedRelu { .. } => first.to_vec(),
        Op::MaxPool { kernel, stride, pad } | Op::AvgPool { kernel, stride, pad } => {
            let [c, h, w] = image(op, first)?;
            // A window that lies in the padding alone has no maximum.
            if pad[0].max(pad[2]) >= kernel[0] || pad[1].max(pad[3]) >= kernel[1] {
                return Err(format!("the padding {pad:?} must be smaller than the window {kernel:?}"));
            }
            let [oh, ow] = slide(*kernel, *stride, *pad, [1, 1], c, [h, w])?;
            vec![c, oh, ow]
        }
        Op::GlobalAvgPool => vec![image(op, first)?[0], 1, 1],
        Op::Flatten => vec![first.iter().product()],
        Op::Add => {
            if inputs[0] != inputs[1] {
                return Err(format!("the inputs have shapes {:?} and {:?}; they must be equal", inputs[0], inputs[1]));
            }
            first.to_vec()
        }
        Op::Concat => {
            let [mut channels, h, w] = image(op, first)?;
            for other in &inputs[1..] {
                let [c, oh, ow] = image(op, other)?;
                if [oh, ow] != [h, w] {
                    return Err(format!("the inputs have shapes {first:?} and {other:?}; height and width must be equal"));
                }
                channels += c;
            }
            vec![channels, h, w]
        }
        Op::Subsample { stride } => {
            let [c, h, w] = image(op, first)?;
            if stride.contains(&0) {
                return Err("the stride must be at least 1".into());
            }
            vec![c, h.div_ceil(stride[0]), w.div_ceil(stride[1])]
        }
        Op::PadChannels { before, after } => {
            let [c, h, w] = image(op, first)?;
            vec![c.saturating_add(*before).saturating_add(*after), h, w]
        }
    };
    values(&shape)?;
    Ok(shape)
}

/// Number of values of `shape`, if it is at least 1 and at most [`MAX_VALUES`].
pub fn values(shape: &[usize]) -> Result<usize, String> {
    match shape.iter().try_fold(1usize, |n, &axis| n.checked_mul(axis)) {
        Some(n) if n > 0 && n <= MAX_VALUES => Ok(n),
        _ => Err(format!("a tensor of shape {shape:?} holds no value or more than {MAX_VALUES}")),
    }
}

fn slide(
    kernel: [usize; 2], stride: [usize; 2], pad: [usize; 4], dilation: [usize; 2], channels: usize, size: [usize; 2],
) -> Result<[usize; 2], String> {
    let window = Window { kernel, stride, pad, dilation };
    let out = window.output(size)?;
    let [h, w] = window.padded(size).ok_or("the padding overflows")?;
    values(&[channels, h, w])?;
    Ok(out)
}

fn image(op: &Op, shape: &[usize]) -> Result<[usize; 3], String> {
    shape.try_into().map_err(|_| format!("`{}` needs an input [C, H, W]; it is {shape:?}", op.name()))
}

fn length(bias: &Option<Vec<f32>>, out: usize) -> Result<(), String> {
    match bias {
        Some(bias) if bias.len() != out => Err(format!("the bias has {} values for {out} outputs", bias.len())),
        _ => Ok(()),
    }
}
