use ndarray::Array2;
use bhscore::ridge::*;
use std::time::Instant;
fn main(){
  for f in std::env::args().skip(1) {
  let x: Array2<f32> = ndarray_npy::read_npy(format!("/tmp/bd/{f}x.npy")).unwrap(); let y: Array2<f32> = ndarray_npy::read_npy(format!("/tmp/bd/{f}y.npy")).unwrap();
  let (x,y)=(x.mapv(f64::from),y.mapv(f64::from));
  for _ in 0..2 {
  let t=Instant::now(); let r=repeats::find(y.view()); println!("{f} repeats {:?}",t.elapsed());
  let t=Instant::now(); let g=linalg::gram(x.view()); println!(" gram {:?} {}",t.elapsed(), g[[0,0]]);
  let t=Instant::now(); let inp=Inputs::new(x.view(),&r.row_of,r.rows.nrows(),&Params{alpha:100.,n_selected:500}); println!(" inputs {:?}",t.elapsed());
  let t=Instant::now(); let m=fit(&inp,r.rows.view()).unwrap(); println!(" fit {:?}",t.elapsed());
  let t=Instant::now(); let sel=by_strength(&inp,r.rows.view(),&m); println!(" by_strength {:?} {}",t.elapsed(), sel[[0,0]]);
  let sel: Vec<&[u32]> = m.selected.rows().into_iter().map(|r|r.to_slice().unwrap()).collect();
  let t=Instant::now(); let g=grouping::group(&sel,x.ncols()); println!(" group {:?} cost {}",t.elapsed(),g.cost/1e6/1000.);
  let rhs=Array2::from_elem((m.selected.nrows(),x.ncols()),1.0);
  let mut a=linalg::gram(x.view()); a.diag_mut().mapv_inplace(|v|v+100.);
  let t=Instant::now(); let _=linalg::transpose_product(r.rows.view(), r.rows.view()); println!(" product {:?}",t.elapsed());
  let t=Instant::now(); let w=shared::solve(a.view(),rhs.view(),m.selected.view()).unwrap(); println!(" shared {:?} {}",t.elapsed(),w[[0,0]]);
  if std::env::var("LOOP").is_ok() { for _ in 0..20 { let _=shared::solve(a.view(),rhs.view(),m.selected.view()).unwrap(); } continue; }
  let t=Instant::now(); let w=direct::solve(a.view(),rhs.view(),m.selected.view()).unwrap(); println!(" direct {:?} {}",t.elapsed(),w[[0,0]]);
  }}
}
