//! Constant folding: what exporters compute about shapes (`Shape`, `Gather`, `Concat` ... before a `Reshape` or a `Pad`) is known
//! once the input's shape is, and so are weights that are reshaped or transposed on their way.
//!
//! To add an operation: its name in [`folds`] and an arm in [`evaluate`].

use super::graph::Node;
use super::tensor::{Constant, Eight, MAX_AXES, Values, bounded};
use crate::error::{Error, Result};
use std::rc::Rc;

/// Whether `op` of constants alone is computed here.
pub fn folds(op: &str) -> bool {
    const NAMES: [&str; 20] = [
        "Add", "Cast", "Concat", "Constant", "ConstantOfShape", "Div", "Equal", "Expand", "Flatten", "Gather", "Identity", "Mul", "Range", "Reshape", "Slice",
        "Squeeze", "Sub", "Transpose", "Unsqueeze", "Where",
    ];
    NAMES.contains(&op)
}

/// The value of a node whose inputs are all known.
///
/// # Errors
/// Shapes that do not fit, types that the operation does not take, more values than are made here.
pub fn evaluate(node: &Node, inputs: &[Option<Rc<Constant>>]) -> Result<Constant> {
    let input = |i: usize| inputs.get(i).and_then(|c| c.as_deref()).ok_or_else(|| node.refuse(format!("input {i} is missing")));
    let optional = |i: usize| inputs.get(i).and_then(|c| c.as_deref());
    match node.op.as_str() {
        "Constant" => constant(node),
        "ConstantOfShape" => {
            let shape = lengths(node, whole(node, input(0)?)?)?;
            let value = node.tensor("value")?.unwrap_or(Constant { shape: vec![1], values: Values::Floats(vec![0.0]) });
            rearranged(node, &value, shape.clone(), vec![0; shape.iter().product()])
        }
        "Identity" => Ok(input(0)?.clone()),
        "Cast" => cast(node, input(0)?),
        "Add" | "Sub" | "Mul" | "Div" | "Equal" => arithmetic(node, input(0)?, input(1)?),
        "Where" => {
            let (choose, yes, no) = (input(0)?, input(1)?, input(2)?);
            let pair = |i: usize| Ok::<_, Error>(if whole(node, choose)?[i] != 0 { whole(node, yes)?[i] } else { whole(node, no)?[i] });
            if choose.shape != yes.shape || choose.shape != no.shape {
                return Err(node.refuse(format!("shapes {:?}, {:?} and {:?}; constants of one shape are supported", choose.shape, yes.shape, no.shape)));
            }
            let values = (0..choose.len()).map(pair).collect::<Result<Vec<i64>>>()?;
            Ok(Constant { shape: choose.shape.clone(), values: Values::Integers(values, Eight::Not) })
        }
        "Range" => {
            let one = |c: &Constant| whole(node, c).and_then(|v| v.first().copied().ok_or_else(|| node.refuse("an empty bound")));
            let (start, limit, delta) = (one(input(0)?)?, one(input(1)?)?, one(input(2)?)?);
            let count = if delta == 0 { 0 } else { (i128::from(limit) - i128::from(start) + i128::from(delta) - i128::from(delta.signum())) / i128::from(delta) };
            let count = usize::try_from(count.max(0)).ok().filter(|&n| n <= MAX_MADE).ok_or_else(|| node.refuse("a range that is too long"))?;
            Ok(Constant::of_shape((0..count as i64).map(|i| start.wrapping_add(i.wrapping_mul(delta))).collect()))
        }
        "Concat" => concat(node, inputs),
        "Gather" => {
            let (data, indices) = (input(0)?, input(1)?);
            let axis = axis_of(node, node.int("axis", 0), data.shape.len())?;
            let length = data.shape[axis] as i64;
            let picks = whole(node, indices)?.iter().map(|&i| if i < 0 { i + length } else { i }).map(|i| usize::try_from(i).ok().filter(|&i| i < length as usize));
            let picks = picks.collect::<Option<Vec<usize>>>().ok_or_else(|| node.refuse(format!("an index outside an axis of {length}")))?;
            let shape = [&data.shape[..axis], &indices.shape[..], &data.shape[axis + 1..]].concat();
            let [outer, inner] = [&data.shape[..axis], &data.shape[axis + 1..]].map(|s| s.iter().product::<usize>());
            check_at_most(node, &shape, data.len().max(MAX_MADE))?;
            let from = (0..outer).flat_map(|o| picks.iter().flat_map(move |&i| (0..inner).map(move |n| (o * length as usize + i) * inner + n)));
            rearranged(node, data, shape, from.collect())
        }
        "Slice" => slice(node, input(0)?, inputs),
        "Transpose" => {
            let data = input(0)?;
            let perm = permutation(node, data.shape.len())?;
            let shape: Vec<usize> = perm.iter().map(|&axis| data.shape[axis]).collect();
            let from = transposed(&data.shape, &perm);
            Ok(data.rearranged(shape, &from, |axis| perm.iter().position(|&p| p == axis).unwrap_or(axis)))
        }
        "Expand" => {
            let (data, shape) = (input(0)?, lengths(node, whole(node, input(1)?)?)?);
            let shape = broadcast(&data.shape, &shape).ok_or_else(|| node.refuse(format!("shape {:?} does not expand to {shape:?}", data.shape)))?;
            check_size(node, &shape)?;
            let from = (0..shape.iter().product()).map(|i| broadcast_index(i, &shape, &data.shape)).collect();
            rearranged(node, data, shape, from)
        }
        _ => {
            let data = input(0)?;
            let shape = reshaped(node, &data.shape, optional(1))?;
            let all = (0..data.len()).collect::<Vec<_>>();
            rearranged(node, data, shape, all)
        }
    }
}

/// The shape that `Reshape`, `Flatten`, `Squeeze` or `Unsqueeze` gives to one of `shape`; `second` is its second input.
pub fn reshaped(node: &Node, shape: &[usize], second: Option<&Constant>) -> Result<Vec<usize>> {
    let rank = shape.len();
    let axes = |rank: usize| -> Result<Option<Vec<usize>>> {
        let listed = match (second, node.ints("axes")) {
            (Some(constant), _) => Some(whole(node, constant)?.to_vec()),
            (None, list) => list.map(<[i64]>::to_vec),
        };
        listed.map(|list| list.iter().map(|&axis| axis_of(node, axis, rank)).collect()).transpose()
    };
    match node.op.as_str() {
        "Flatten" => {
            let axis = match node.int("axis", 1) {
                axis if axis == rank as i64 => rank,
                axis => axis_of(node, axis, rank)?,
            };
            Ok(vec![shape[..axis].iter().product(), shape[axis..].iter().product()])
        }
        "Squeeze" => {
            let axes = axes(rank)?.unwrap_or_else(|| (0..rank).filter(|&axis| shape[axis] == 1).collect());
            match axes.iter().find(|&&axis| shape[axis] != 1) {
                Some(axis) => Err(node.refuse(format!("axis {axis} of {shape:?} is not 1 long"))),
                None => Ok((0..rank).filter(|axis| !axes.contains(axis)).map(|axis| shape[axis]).collect()),
            }
        }
        "Unsqueeze" => {
            let count = second.map_or_else(|| node.ints("axes").map_or(0, <[i64]>::len), Constant::len);
            let rank = rank + count.min(MAX_AXES);
            let axes = axes(rank)?.unwrap_or_default();
            let mut old = shape.iter();
            Ok((0..rank).filter_map(|axis| if axes.contains(&axis) { Some(1) } else { old.next().copied() }).collect())
        }
        "Reshape" => {
            let target = match (second, node.ints("shape")) {
                (Some(constant), _) => whole(node, constant)?,
                (None, Some(list)) => list,
                (None, None) => return Err(node.refuse("its shape is missing")),
            };
            if target.len() > MAX_AXES {
                return Err(node.refuse(format!("a shape of {} axes; at most {MAX_AXES} are taken", target.len())));
            }
            let all: usize = shape.iter().product();
            let wrong = || node.refuse(format!("shape {shape:?} cannot become {:?}", target.iter().take(8).collect::<Vec<_>>()));
            let mut out = Vec::with_capacity(target.len());
            for (axis, &n) in target.iter().enumerate() {
                out.push(match n {
                    0 if node.int("allowzero", 0) == 0 => *shape.get(axis).ok_or_else(wrong)?,
                    -1 => usize::MAX,
                    n => usize::try_from(n).map_err(|_| wrong())?,
                });
            }
            let known = out.iter().filter(|&&n| n != usize::MAX).try_fold(1usize, |product, &n| product.checked_mul(n)).ok_or_else(wrong)?;
            let open = out.iter().filter(|&&n| n == usize::MAX).count();
            if open == 1 && known > 0 {
                out.iter_mut().filter(|n| **n == usize::MAX).for_each(|n| *n = all / known);
            }
            match out.iter().try_fold(1usize, |product, &n| product.checked_mul(n)) {
                Some(product) if product == all && bounded(&out, all.max(1)) => Ok(out),
                _ => Err(wrong()),
            }
        }
        other => Err(Error::internal(format!("`{other}` gives no shape"))),
    }
}

/// `axis` counted from the end where it is negative.
pub fn axis_of(node: &Node, axis: i64, rank: usize) -> Result<usize> {
    let from_start = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
    usize::try_from(from_start).ok().filter(|&a| a < rank).ok_or_else(|| node.refuse(format!("axis {axis} of a tensor with {rank} axes")))
}

/// The whole numbers of a constant.
pub fn whole<'a>(node: &Node, constant: &'a Constant) -> Result<&'a [i64]> {
    constant.integers().ok_or_else(|| node.refuse("a constant of whole numbers is needed here"))
}

/// The attribute `perm` of a transposition of `rank` axes.
pub fn permutation(node: &Node, rank: usize) -> Result<Vec<usize>> {
    let Some(list) = node.ints("perm") else { return Ok((0..rank).rev().collect()) };
    let perm: Vec<usize> = list.iter().filter_map(|&axis| usize::try_from(axis).ok()).collect();
    match (0..rank).all(|axis| perm.contains(&axis)) && perm.len() == rank && list.len() == rank {
        true => Ok(perm),
        false => Err(node.refuse(format!("perm {:?} is no order of {rank} axes", list.iter().take(8).collect::<Vec<_>>()))),
    }
}

/// For each element of the transposed tensor, its place in one of `shape`.
pub fn transposed(shape: &[usize], perm: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    let mut from = vec![0];
    for &axis in perm {
        from = from.iter().flat_map(|&base| (0..shape[axis]).map(move |i| (base, i))).map(|(base, i)| base + i * strides[axis]).collect();
    }
    from
}

fn constant(node: &Node) -> Result<Constant> {
    if let Some(tensor) = node.tensor("value")? {
        return Ok(tensor);
    }
    if let Some(list) = node.ints("value_ints") {
        return Ok(Constant::of_shape(list.to_vec()));
    }
    if node.has("value_int") {
        return Ok(Constant { shape: Vec::new(), values: Values::Integers(vec![node.int("value_int", 0)], Eight::Not) });
    }
    if node.has("value_float") {
        return Ok(Constant { shape: Vec::new(), values: Values::Floats(vec![node.float("value_float", 0.0)]) });
    }
    Err(node.refuse("a constant without `value`, `value_int`, `value_ints` or `value_float`"))
}

fn cast(node: &Node, data: &Constant) -> Result<Constant> {
    let values = match node.int("to", 0) {
        1 | 11 => Values::Floats(data.floats()),
        to @ (6 | 7 | 9) => {
            let values = match data.integers() {
                Some(values) => values.to_vec(),
                None => data.floats().iter().map(|&v| v as i64).collect(),
            };
            let values = if to == 9 { values.iter().map(|&v| i64::from(v != 0)).collect() } else { values };
            Values::Integers(values, Eight::Not)
        }
        other => return Err(node.refuse(format!("a constant as {}; supported: float32, float64, int32, int64, bool", super::tensor::type_name(other as i32)))),
    };
    Ok(Constant { shape: data.shape.clone(), values })
}

fn arithmetic(node: &Node, a: &Constant, b: &Constant) -> Result<Constant> {
    let shape = broadcast(&a.shape, &b.shape).ok_or_else(|| node.refuse(format!("shapes {:?} and {:?} do not fit", a.shape, b.shape)))?;
    check_at_most(node, &shape, a.len().max(b.len()).max(MAX_MADE))?;
    let places = (0..shape.iter().product()).map(|i| (broadcast_index(i, &shape, &a.shape), broadcast_index(i, &shape, &b.shape)));
    let values = if let (Some(x), Some(y)) = (a.integers(), b.integers()) {
        let of = |(i, j): (usize, usize)| match node.op.as_str() {
            "Add" => x[i].checked_add(y[j]),
            "Sub" => x[i].checked_sub(y[j]),
            "Mul" => x[i].checked_mul(y[j]),
            "Equal" => Some(i64::from(x[i] == y[j])),
            _ => x[i].checked_div(y[j]),
        };
        let values = places.map(of).collect::<Option<Vec<i64>>>().ok_or_else(|| node.refuse("a result that 64 bits do not hold"))?;
        Values::Integers(values, Eight::Not)
    } else if node.op == "Equal" {
        return Err(node.refuse("of floats; whole numbers are supported"));
    } else {
        let (x, y) = (a.floats(), b.floats());
        Values::Floats(places.map(|(i, j)| match node.op.as_str() {
            "Add" => x[i] + y[j],
            "Sub" => x[i] - y[j],
            "Mul" => x[i] * y[j],
            _ => x[i] / y[j],
        }).collect())
    };
    Ok(Constant { shape, values })
}

fn concat(node: &Node, inputs: &[Option<Rc<Constant>>]) -> Result<Constant> {
    let parts: Vec<&Constant> = inputs.iter().flatten().map(Rc::as_ref).collect();
    let [first, ..] = parts[..] else { return Err(node.refuse("nothing to concatenate")) };
    let axis = axis_of(node, node.int("axis", 0), first.shape.len())?;
    let mut shape = first.shape.clone();
    shape[axis] = parts.iter().map(|p| p.shape.get(axis).copied().unwrap_or(0)).sum();
    let fits = |p: &&Constant| p.shape.len() == shape.len() && (0..shape.len()).all(|a| a == axis || p.shape[a] == shape[a]);
    if !parts.iter().all(fits) {
        return Err(node.refuse("constants whose shapes do not fit"));
    }
    check_at_most(node, &shape, parts.iter().map(|p| p.len()).sum::<usize>().max(MAX_MADE))?;
    let outer: usize = shape[..axis].iter().product();
    let chunk = |p: &Constant| p.shape[axis..].iter().product::<usize>();
    fn joined<T: Copy>(parts: &[(Vec<T>, usize)], outer: usize) -> Vec<T> {
        (0..outer).flat_map(|o| parts.iter().flat_map(move |(values, chunk)| values[o * chunk..(o + 1) * chunk].iter().copied())).collect()
    }
    let values = match parts.iter().map(|p| Some((p.integers()?.to_vec(), chunk(p)))).collect::<Option<Vec<_>>>() {
        Some(parts) => Values::Integers(joined(&parts, outer), Eight::Not),
        None => Values::Floats(joined(&parts.iter().map(|p| (p.floats(), chunk(p))).collect::<Vec<_>>(), outer)),
    };
    Ok(Constant { shape, values })
}

fn slice(node: &Node, data: &Constant, inputs: &[Option<Rc<Constant>>]) -> Result<Constant> {
    let mut result = data.clone();
    for (axis, [start, end, step]) in cuts(node, &data.shape, inputs)? {
        let length = result.shape[axis] as i64;
        let clamp = |i: i64, low: i64, high: i64| (if i < 0 { i.saturating_add(length) } else { i }).clamp(low, high);
        let picks: Vec<usize> = if step > 0 {
            (clamp(start, 0, length)..clamp(end, 0, length)).step_by(step as usize).map(|i| i as usize).collect()
        } else {
            (clamp(end, -1, length - 1) + 1..clamp(start, -1, length - 1) + 1).rev().step_by(step.unsigned_abs() as usize).map(|i| i as usize).collect()
        };
        let [outer, inner] = [&result.shape[..axis], &result.shape[axis + 1..]].map(|s| s.iter().product::<usize>());
        let from: Vec<usize> = (0..outer).flat_map(|o| picks.iter().flat_map(move |&i| (0..inner).map(move |n| (o * length as usize + i) * inner + n))).collect();
        let mut shape = result.shape.clone();
        shape[axis] = picks.len();
        result = rearranged(node, &result, shape, from)?;
    }
    Ok(result)
}

/// What a `Slice` keeps: (axis, [start, end, step]) each.
pub fn cuts(node: &Node, shape: &[usize], inputs: &[Option<Rc<Constant>>]) -> Result<Vec<(usize, [i64; 3])>> {
    let list = |place: usize, key: &str| -> Result<Option<Vec<i64>>> {
        match inputs.get(place).and_then(|c| c.as_deref()) {
            Some(constant) => Ok(Some(whole(node, constant)?.to_vec())),
            None => Ok(node.ints(key).map(<[i64]>::to_vec)),
        }
    };
    let (Some(starts), Some(ends)) = (list(1, "starts")?, list(2, "ends")?) else { return Err(node.refuse("starts and ends must be constants")) };
    let axes = list(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || steps.contains(&0) || starts.len() > shape.len() {
        return Err(node.refuse("starts, ends, axes and steps do not fit each other"));
    }
    (0..starts.len()).map(|i| Ok((axis_of(node, axes[i], shape.len())?, [starts[i], ends[i], steps[i]]))).collect()
}

/// `constant` picked anew; several steps do not survive it.
fn rearranged(node: &Node, constant: &Constant, shape: Vec<usize>, from: Vec<usize>) -> Result<Constant> {
    check_at_most(node, &shape, constant.len().max(MAX_MADE))?;
    if let Values::Steps { steps, .. } = &constant.values
        && steps.len() > 1
    {
        return Ok(Constant { shape: constant.shape.clone(), values: Values::Floats(constant.floats()) }.rearranged(shape, &from, |axis| axis));
    }
    Ok(constant.rearranged(shape, &from, |_| 0))
}

fn lengths(node: &Node, list: &[i64]) -> Result<Vec<usize>> {
    let shape = list.iter().map(|&n| usize::try_from(n).ok()).collect::<Option<Vec<usize>>>();
    let shape = shape.ok_or_else(|| node.refuse(format!("a shape {:?}", list.iter().take(8).collect::<Vec<_>>())))?;
    check_size(node, &shape)?;
    Ok(shape)
}

/// Most values of a constant that is made of smaller ones: shapes are short, and so a small file stays a small job.
const MAX_MADE: usize = 1 << 20;

fn check_size(node: &Node, shape: &[usize]) -> Result<()> {
    check_at_most(node, shape, MAX_MADE)
}

fn check_at_most(node: &Node, shape: &[usize], most: usize) -> Result<()> {
    match bounded(shape, most) && shape.len() <= MAX_AXES {
        true => Ok(()),
        false => Err(node.refuse(format!("a constant of shape {:?}; at most {most} values are made here", shape.iter().take(8).collect::<Vec<_>>()))),
    }
}

/// The shape that both spread to, axes counted from the last.
fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let axis = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |i| s[i]);
    (0..rank).map(|i| match (axis(a, i), axis(b, i)) {
        (x, y) if x == y => Some(x),
        (1, n) | (n, 1) => Some(n),
        _ => None,
    }).collect()
}

/// Where element `index` of a tensor of `shape` lies in one of `small`, which was spread to it.
pub fn broadcast_index(mut index: usize, shape: &[usize], small: &[usize]) -> usize {
    let (mut place, mut stride) = (0, 1);
    for (i, &length) in shape.iter().rev().enumerate() {
        let at = index % length.max(1);
        index /= length.max(1);
        if let Some(&own) = small.len().checked_sub(i + 1).and_then(|i| small.get(i)) {
            place += if own == 1 { 0 } else { at * stride };
            stride *= own;
        }
    }
    place
}
