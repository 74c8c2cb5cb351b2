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

// What a row of the matrix reads, row order (channel, kh, kw): the start of its channel and its place in the kernel.
struct Tap {
    plane: u32,
    place: vec2<u32>,
}

fn tap_of_row(window: Window, row: u32) -> Tap {
    let area = window.kernel.x * window.kernel.y;
    let in_kernel = row % area;
    let plane = (window.first_channel + row / area) * window.input_size.x * window.input_size.y;
    return Tap(plane, vec2(in_kernel / window.kernel.y, in_kernel % window.kernel.y));
}

// That of the next row, without a division.
fn next_tap(window: Window, tap: Tap) -> Tap {
    var next = Tap(tap.plane, vec2(tap.place.x, tap.place.y + 1u));
    if next.place.y == window.kernel.y {
        next.place = vec2(tap.place.x + 1u, 0u);
    }
    if next.place.x == window.kernel.x {
        next.place.x = 0u;
        next.plane += window.input_size.x * window.input_size.y;
    }
    return next;
}

// Row and column of a position.
fn place_of(window: Window, position: u32) -> vec2<u32> {
    return vec2(position / window.out.y, position % window.out.y);
}

// The element of one image's tensor that a tap reads at a position; or PADDING.
fn element_of(window: Window, position: vec2<u32>, tap: Tap) -> u32 {
    let at = inside(window, position, tap.place);
    return select(tap.plane + at, PADDING, at == PADDING);
}
