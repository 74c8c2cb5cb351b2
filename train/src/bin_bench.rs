use bwq_train::ops::*; use bwq::network::shape::Window; use std::time::Instant;
fn main(){
 let n=128;
 for (c,o,s) in [(1,16,28),(16,16,28),(16,32,14),(32,32,14),(32,64,7),(64,64,7),(16,16,32),(32,32,16),(64,64,8)] {
  let cv=conv::Conv{input:[c,s,s],output:[o,s,s],window:Window{kernel:[3,3],stride:[1,1],pad:[1;4],dilation:[1,1]},groups:1};
  let f=|n:usize|->Vec<f32>{(0..n).map(|i|((i*37%101) as f32)/50.0-1.0).collect()};
  let (w,x,dy)=(f(o*c*9),f(n*c*s*s),f(n*o*s*s)); let mut y=vec![0.0;n*o*s*s]; let mut dx=vec![0.0;n*c*s*s];
  let fl=(n*c*o*9*s*s*2) as f64;
  let t=|name:&str,g:&mut dyn FnMut()|{ let mut b=1e9f64; for _ in 0..5 {let i=Instant::now(); g(); b=b.min(i.elapsed().as_secs_f64());} print!("{name} {:.1} ms {:.0} GF/s  ",b*1e3,fl/b/1e9);};
  print!("{c}->{o} {s}: ");
  t("fwd",&mut||cv.forward(&w,None,&x,&mut y)); t("dx",&mut||cv.backward_input(&w,&dy,&mut dx)); t("dw",&mut||{std::hint::black_box(cv.backward_weight(&x,&dy,n));}); println!();
 }
}
