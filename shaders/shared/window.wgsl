// Windows over a tensor: which element a window's place reads. Mirror: src/engine/cpu/window.rs; the struct is
// `Window` in src/engine/gpu/layout.rs.

struct Window {
    first_channel: u32,
    input_channels: u32,
    input_size: vec2<u32>, // [H, W]
    kernel: vec2<u32>,
    stride: vec2<u32>,
    pad: vec2<u32>,
    dilation: vec2<u32>,
    out: vec2<u32>,
    unused: vec2<u32>,
}

const PADDING: u32 = 0xffffffffu;

// The input's row * W + column under `place` of the window at `position`; PADDING outside.
fn inside(window: Window, position: vec2<u32>, place: vec2<u32>) -> u32 {
    let at = position * window.stride + place * window.dilation - window.pad; // above the border: wraps, and is large
    if any(at >= window.input_size) {
        return PADDING;
    }
    return at.x * window.input_size.y + at.y;
}

// The element of one image's tensor that `row` of the matrix reads at `position`, row order (channel, kh, kw); or PADDING.
fn window_element(window: Window, position: u32, row: u32) -> u32 {
    let area = window.kernel.x * window.kernel.y;
    let in_kernel = row % area;
    let at = inside(window, vec2(position / window.out.y, position % window.out.y), vec2(in_kernel / window.kernel.y, in_kernel % window.kernel.y));
    let plane = (window.first_channel + row / area) * window.input_size.x * window.input_size.y;
    return select(plane + at, PADDING, at == PADDING);
}
