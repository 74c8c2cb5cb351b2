//! Every gradient against finite differences of what it is the gradient of. Where rounding is passed straight through, the
//! function without rounding, or a step of a whole integer, takes its place.

mod support;

use bwq::dataset::Pixels;
use bwq::network::shape::Window;
use bwq_train::blocks::Blocks;
use bwq_train::graph::Graph;
use bwq_train::model::{Model, Start};
use bwq_train::ops::{batch_norm, conv, conv::Conv, linear, loss, moves, pact, pact::Pact, pool::Pool};
use bwq_train::pass::Pass;
use bwq_train::planes::{Layer, Weights};

/// Numbers without order in [-1, 1], all different.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    (0..count as u32).map(|i| bwq::rng::philox4x32([i, seed, 0, 0], [7, 7])[0] as f32 / 2f32.powi(31) - 1.0).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Compares `gradient` with central differences of `f` at `x`, relative to the gradient's largest component.
fn check(what: &str, x: &[f32], gradient: &[f32], h: f32, tolerance: f64, f: impl Fn(&[f32]) -> f64) {
    assert_eq!(x.len(), gradient.len(), "{what}");
    let largest = gradient.iter().fold(0.0f64, |a, &g| a.max(f64::from(g).abs()));
    assert!(largest > 0.0, "{what}: the gradient is zero everywhere");
    for i in 0..x.len() {
        let at = |by: f32| {
            let mut x = x.to_vec();
            x[i] += by;
            (f(&x), f64::from(x[i]))
        };
        let ((above, up), (below, down)) = (at(h), at(-h));
        let difference = (above - below) / (up - down);
        let error = (difference - f64::from(gradient[i])).abs();
        assert!(error <= tolerance * largest, "{what}: component {i} is {}, differences say {difference}", gradient[i]);
    }
}

#[test]
fn convolution() {
    let cases = [
        ([3, 6, 5], 4, 1, Window { kernel: [3, 3], stride: [1, 1], pad: [1; 4], dilation: [1, 1] }),
        ([4, 7, 6], 6, 2, Window { kernel: [3, 2], stride: [2, 1], pad: [1, 0, 0, 1], dilation: [1, 1] }),
        ([2, 9, 9], 2, 2, Window { kernel: [3, 3], stride: [2, 2], pad: [2, 1, 1, 2], dilation: [2, 1] }),
        ([5, 4, 4], 3, 1, Window { kernel: [1, 1], stride: [2, 2], pad: [0; 4], dilation: [1, 1] }),
        ([2, 5, 5], 5, 1, Window { kernel: [5, 5], stride: [1, 1], pad: [0; 4], dilation: [1, 1] }),
    ];
    for (input, outputs, groups, window) in cases {
        let [h, w] = window.output([input[1], input[2]]).expect("a window that fits");
        let conv = Conv { input, output: [outputs, h, w], window, groups };
        assert!(conv.is_supported());
        let images = 11; // more than a share of images, and not a multiple of it
        let (x, weight) = (numbers(images * input.iter().product::<usize>(), 1), numbers(outputs * conv.rows(), 2));
        let (bias, dy) = (numbers(outputs, 3), numbers(images * outputs * h * w, 4));
        let forward = |x: &[f32], weight: &[f32], bias: &[f32]| {
            let mut y = vec![0.0; dy.len()];
            conv.forward(weight, Some(bias), x, &mut y);
            dot(&y, &dy)
        };
        let mut dx = vec![f32::NAN; x.len()];
        conv.backward_input(&weight, &dy, &mut dx);
        check("inputs", &x, &dx, 0.5, 1e-4, |x| forward(x, &weight, &bias));
        check("weights", &weight, &conv.backward_weight(&x, &dy, images), 0.5, 1e-4, |w| forward(&x, w, &bias));
        check("bias", &bias, &conv::backward_bias(&dy, outputs, images), 0.5, 1e-4, |b| forward(&x, &weight, b));
    }
}

/// Small images stand side by side in a row of the weights' gradient, large ones alone: both give the plain sums.
#[test]
fn gradients_of_weights_do_not_depend_on_how_rows_are_laid_out() {
    for side in [4, 40] {
        let conv = Conv { input: [2, side, side], output: [3, side, side], window: Window { kernel: [3, 3], stride: [1, 1], pad: [1; 4], dilation: [1, 1] }, groups: 1 };
        let (x, dy) = (numbers(5 * 2 * side * side, 1), numbers(5 * 3 * side * side, 2));
        let gradient = conv.backward_weight(&x, &dy, 5);
        for (index, &found) in gradient.iter().enumerate() {
            let (o, c, ky, kx) = (index / 18, index / 9 % 2, index / 3 % 3, index % 3);
            let mut sum = 0.0;
            for (image, y, x0) in (0..5).flat_map(|i| (0..side).flat_map(move |y| (0..side).map(move |x| (i, y, x)))) {
                let (py, px) = ((y + ky).wrapping_sub(1), (x0 + kx).wrapping_sub(1));
                if py < side && px < side {
                    sum += f64::from(dy[((image * 3 + o) * side + y) * side + x0]) * f64::from(x[((image * 2 + c) * side + py) * side + px]);
                }
            }
            assert!((sum - f64::from(found)).abs() < 2e-3, "{side}: {index}: {found}, not {sum}");
        }
    }
}

#[test]
fn linear_layers() {
    let (images, inputs, outputs) = (9, 7, 4);
    let (x, weight) = (numbers(images * inputs, 1), numbers(inputs * outputs, 2));
    let (bias, dy) = (numbers(outputs, 3), numbers(images * outputs, 4));
    let forward = |x: &[f32], weight: &[f32]| {
        let mut y = vec![0.0; dy.len()];
        linear::forward(weight, Some(&bias), x, inputs, &mut y);
        dot(&y, &dy)
    };
    let mut dx = vec![f32::NAN; x.len()];
    linear::backward_input(&weight, &dy, inputs, &mut dx);
    check("inputs", &x, &dx, 0.5, 1e-4, |x| forward(x, &weight));
    check("weights", &weight, &linear::backward_weight(&x, &dy, inputs, images), 0.5, 1e-4, |w| forward(&x, w));
}

#[test]
fn batch_normalisation() {
    let (images, channels, plane) = (9, 3, 6);
    let (x, dy) = (numbers(images * channels * plane, 1), numbers(images * channels * plane, 2));
    let (gamma, beta) = (numbers(channels, 3), numbers(channels, 4));
    let forward = |x: &[f32], gamma: &[f32], beta: &[f32]| {
        let mut y = vec![0.0; x.len()];
        let statistics = batch_norm::forward(gamma, beta, 1e-5, x, images, &mut y);
        (dot(&y, &dy), statistics)
    };
    let (_, statistics) = forward(&x, &gamma, &beta);
    let mut dx = vec![f32::NAN; x.len()];
    let [of_gamma, of_beta] = batch_norm::backward(&gamma, &statistics, 1e-5, &x, &dy, images, &mut dx);
    check("inputs", &x, &dx, 1e-2, 2e-3, |x| forward(x, &gamma, &beta).0);
    check("gamma", &gamma, &of_gamma, 0.1, 1e-4, |g| forward(&x, g, &beta).0);
    check("beta", &beta, &of_beta, 0.1, 1e-4, |b| forward(&x, &gamma, b).0);
}

#[test]
fn pooling() {
    for (kernel, stride, pad) in [([2, 2], [2, 2], [0, 0]), ([3, 2], [1, 2], [1, 1])] {
        let input = [2, 6, 6];
        let out = |axis: usize, size: usize| (size + 2 * pad[axis] - kernel[axis]) / stride[axis] + 1;
        let pool = Pool { input, output: [2, out(0, 6), out(1, 6)], kernel, stride, pad };
        let (x, dy) = (numbers(9 * 72, 1), numbers(9 * pool.output.iter().product::<usize>(), 2));
        let (mut y, mut dx) = (vec![0.0; dy.len()], vec![f32::NAN; x.len()]);
        pool.mean_backward(&dy, &mut dx);
        check("means", &x, &dx, 0.5, 1e-4, |x| {
            let mut y = vec![0.0; dy.len()];
            pool.mean_forward(x, &mut y);
            dot(&y, &dy)
        });
        pool.max_forward(&x, &mut y);
        pool.max_backward(&x, &y, &dy, &mut dx);
        // Steps smaller than the distance between any two of the numbers.
        check("maxima", &x, &dx, 1e-5, 2e-2, |x| {
            let mut y = vec![0.0; dy.len()];
            pool.max_forward(x, &mut y);
            dot(&y, &dy)
        });
    }
}

#[test]
fn copies_and_sums() {
    for (stride, first_channel, output) in [([1, 1], 2, [6, 5, 5]), ([2, 2], 0, [3, 3, 3])] {
        let copy = moves::Copy { input: [3, 5, 5], output, first_channel, stride };
        let (x, dy) = (numbers(10 * 75, 1), numbers(10 * output.iter().product::<usize>(), 2));
        let mut dx = vec![f32::NAN; x.len()];
        copy.backward(&dy, &mut dx);
        check("copies", &x, &dx, 0.5, 1e-4, |x| {
            let mut y = vec![0.0; dy.len()];
            copy.forward(x, &mut y);
            dot(&y, &dy)
        });
    }
    let (a, b) = (numbers(10_000, 1), numbers(10_000, 2));
    let mut sum = vec![0.0; 10_000];
    moves::add(&a, &b, &mut sum);
    assert!((0..10_000).all(|i| sum[i] == a[i] + b[i]));
}

/// PACT's gradients are those of the clip alone.
#[test]
fn activations() {
    let (x, dy) = (numbers(5000, 1).iter().map(|v| 2.0 * v).collect::<Vec<f32>>(), numbers(5000, 2));
    for signed in [false, true] {
        let quantiser = Pact { beta: 0.9, bits: 4, signed };
        let clip = |x: &[f32], beta: f32| -> f64 {
            let clipped: Vec<f32> = x.iter().map(|v| v.clamp(if signed { -beta } else { 0.0 }, beta)).collect();
            dot(&clipped, &dy)
        };
        let mut dx = vec![f32::NAN; x.len()];
        let of_beta = quantiser.backward(&x, &dy, &mut dx);
        let h = 1e-5;
        for i in (0..x.len()).filter(|&i| [0.0, 0.9, -0.9].iter().all(|kink| (x[i] - kink).abs() > 1e-3)) {
            let inside = if signed { x[i].abs() < 0.9 } else { (0.0..0.9).contains(&x[i]) };
            assert_eq!(dx[i], if inside { dy[i] } else { 0.0 }, "{}", x[i]);
        }
        let difference = (clip(&x, 0.9 + h) - clip(&x, 0.9 - h)) / f64::from(2.0 * h);
        assert!((difference - f64::from(of_beta)).abs() < 0.05 * difference.abs().max(1.0), "{of_beta}, differences say {difference}");
        // What comes out are the 16 steps, at most half a step from what was clipped.
        let mut y = vec![0.0; x.len()];
        quantiser.forward(&x, &mut y);
        let step = if signed { 1.8 / 15.0 } else { 0.9 / 15.0 };
        for (x, y) in x.iter().zip(&y) {
            assert!((y / step - (y / step).round()).abs() < 1e-4);
            let clipped = x.clamp(if signed { -0.9 - step / 2.0 } else { 0.0 }, 0.9);
            assert!((clipped - y).abs() < step * 0.5001 + if signed { step / 2.0 } else { 0.0 }, "{x} became {y}");
        }
    }
    let mut dx = vec![f32::NAN; x.len()];
    pact::relu_backward(&x, 1.5, &dy, &mut dx);
    assert!(x.iter().zip(&dx).zip(&dy).all(|((&x, &dx), &dy)| dx == if x > 0.0 && x < 1.5 { dy } else { 0.0 }));
}

#[test]
fn cross_entropy() {
    let (logits, labels) = (numbers(40, 1), [0, 3, 1, 2, 3, 0, 0, 1, 2, 2]);
    let mut gradient = vec![0.0; 40];
    loss::cross_entropy(&logits, &labels, &mut gradient);
    check("logits", &logits, &gradient, 1e-2, 1e-3, |l| loss::cross_entropy(l, &labels, &mut [0.0; 40]).sum / 10.0);
}

/// A layer of two by two blocks whose planes are anything in [0, 2], some blocks with fewer bits.
fn layer() -> Layer {
    let blocks = Blocks { rows: 12, outputs: 10, size: [9, 8] };
    let mut layer = Layer::from_integers("l", &[0; 120], vec![0.05], blocks, 3);
    layer.bits = vec![3, 2, 0, 1];
    for part in 0..2 {
        for bit in 0..3 {
            let values = numbers(120, (part * 3 + bit) as u32);
            for (block, piece) in layer.blocks.clone().pieces().filter(|(block, _)| usize::from(layer.bits[*block]) > bit) {
                let _ = block;
                piece.for_each(|i| layer.planes[part][bit][i] = values[i] * 0.9 + 1.0);
            }
        }
    }
    layer
}

#[test]
fn the_lasso() {
    let layer = layer();
    let none = vec![0.0; 120];
    let gradient = layer.gradient(&layer.weights(None), &none, 0.7);
    for part in 0..2 {
        for bit in 0..3 {
            check("a plane", &layer.planes[part][bit], &gradient[part][bit], 1e-2, 1e-3, |plane| {
                let mut layer = layer.clone();
                // Masked bits have no gradient and no part in the norm.
                for (block, piece) in layer.blocks.clone().pieces() {
                    if usize::from(layer.bits[block]) > bit {
                        layer.planes[part][bit][piece.clone()].copy_from_slice(&plane[piece]);
                    }
                }
                0.7 * layer.lasso()
            });
        }
    }
}

/// A change of 2^-b in a plane of bit b moves the rounded weight by exactly one step, unless it is clipped.
#[test]
fn bit_planes() {
    let layer = layer();
    let (of, values) = (layer.weights(None), numbers(120, 9));
    let gradient = layer.gradient(&of, &values, 0.0);
    let mut clipped = 0;
    for (part, bit) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
        let by = 1.0 / (1 << bit) as f32;
        for (block, piece) in layer.blocks.pieces() {
            for i in piece {
                let top = ((1i32 << layer.bits[block]) - 1) as f32;
                let q = of.integers[i];
                let planes = |l: &Layer| (0..3).map(|b| (l.planes[0][b][i] - l.planes[1][b][i]) * (1 << b) as f32).sum::<f32>();
                let beyond = planes(&layer).round_ties_even().abs() > top;
                if usize::from(layer.bits[block]) <= bit || beyond {
                    clipped += usize::from(beyond);
                    assert_eq!(gradient[part][bit][i], 0.0);
                    continue;
                }
                let sign = if part == 0 { 1.0 } else { -1.0 };
                if (q + sign).abs() > top {
                    continue; // one step more would be clipped
                }
                let mut moved = layer.clone();
                moved.planes[part][bit][i] += by;
                let difference = (moved.weights(None).values[i] - of.values[i]) * values[i] / by;
                assert!((difference - gradient[part][bit][i]).abs() < 1e-4, "{difference}, {}", gradient[part][bit][i]);
            }
        }
    }
    assert!(clipped > 0, "the case has clipped weights");
}

#[test]
fn the_step() {
    let of_layer = layer();
    // One step for the layer, and one for each output.
    let of_outputs = Layer { step: (1..=10).map(|output| 0.01 * output as f32).collect(), ..layer() };
    for layer in [of_layer, of_outputs] {
        let (of, values) = (layer.weights(None), numbers(120, 9));
        check("the step", &layer.step, &layer.step_gradient(&of, &values), 0.01, 1e-4, |step| {
            dot(&Layer { step: step.to_vec(), ..layer.clone() }.weights(None).values, &values)
        });
    }
}

/// A batch through a whole network with every kind of branch: what a pass says of every vector and of some weights of every
/// layer. With 22-bit activations rounding is far below the differences; steps are small, since every clip is a kink.
#[test]
fn a_whole_network() {
    let folder = support::small();
    let network = bwq::network::read::read(&folder.path().join("net.json")).expect("a network");
    let graph = Graph::new(&network).expect("a graph");
    let start = Start { block: Some([9, 8]), weight_bits: 8, activation_bits: 22 };
    let calibration = Pixels::U8(numbers(40 * 64, 5).iter().map(|x| (100.0 + 90.0 * x) as u8).collect());
    let mut model = Model::new(&network, &graph, &start, &calibration).expect("a model");
    // Narrow ranges, so that each clips something.
    model.vectors.iter_mut().filter(|v| v.name.ends_with("range")).for_each(|v| v.values[0] *= if v.name.starts_with("mean") { 0.03 } else { 0.15 });
    let images = 40;
    let labels: Vec<u32> = (0..images as u32).map(|i| i % 3).collect();
    let weights = |model: &Model| -> Vec<Weights> { model.layers.iter().map(|layer| layer.weights(None)).collect() };
    let mut pass = Pass::new(&graph);
    let mut run = |model: &Model, weights: &[Weights]| {
        pass.input(images).copy_from_slice(&numbers(images * 64, 6));
        pass.forward(model, weights, true);
        pass.backward(model, weights, |logits, gradient| loss::cross_entropy(logits, &labels, gradient).sum / images as f64)
    };
    let (_, gradients) = run(&model, &weights(&model));
    let run = std::cell::RefCell::new(run);
    for (index, vector) in model.vectors.iter().enumerate() {
        check(&vector.name, &vector.values, &gradients.vectors[index], 1e-4, 0.1, |values| {
            let mut model = model.clone();
            model.vectors[index].values = values.to_vec();
            (run.borrow_mut())(&model, &weights(&model)).0
        });
    }
    for (index, layer) in model.layers.iter().enumerate() {
        let (plain, gradient) = (weights(&model)[index].values.clone(), &gradients.layers[index]);
        // The weights with the largest gradients: those stand out from rounding.
        let mut order: Vec<usize> = (0..plain.len()).collect();
        order.sort_by(|&a, &b| gradient[b].abs().total_cmp(&gradient[a].abs()));
        let few = |all: &[f32]| order[..6].iter().map(|&i| all[i]).collect::<Vec<f32>>();
        check(&layer.name, &few(&plain), &few(gradient), 1e-3, 0.1, |values| {
            let mut weights = weights(&model);
            order[..6].iter().zip(values).for_each(|(&i, &value)| weights[index].values[i] = value);
            (run.borrow_mut())(&model, &weights).0
        });
    }
}
