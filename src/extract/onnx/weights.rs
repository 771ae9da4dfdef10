//! Controls: the same network with its weights shuffled, or drawn anew.
//!
//! - `shuffle:<seed>`: the values of every weight tensor in random order, so that its distribution stays and
//!   its structure goes.
//! - `init:<seed>`: an untrained network. Weights of convolutions and matrix products are normal with mean 0
//!   and variance 2 / fan-in (He et al. 2015), biases 0, normalisations the identity.
//!
//! Single values stay as they are: they belong to the arithmetic of a function (the 1 and the 0.5 of a GELU), as far as
//! one can see. Weights that are kept as constants of the graph or in another precision stay, too, and are named; where all
//! are, there is no control.
//!
//! Tensor number k (from 0, among the single-float tensors of the file) draws from NumPy's
//! `RandomState(seed + k)`: `permutation` for the first control, `randn` for the second.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use prost::bytes::Bytes;

use super::graph::n_values;
use super::origins::origins;
use super::{Model, Place, REMEDY, decode, proto};
use crate::error::{Error, Result};
use crate::stats::legacy_random::LegacyRandom;

/// Bytes of a single float.
const FLOAT_SIZE: usize = 4;

/// Which weights a network is run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weights {
    /// Those of the file.
    #[default]
    Trained,
    /// Those of the file, in random order within each tensor.
    Shuffled(u32),
    /// Drawn anew.
    Random(u32),
}

impl FromStr for Weights {
    type Err = Error;

    fn from_str(text: &str) -> Result<Weights> {
        let wrong = || {
            let problem = "names no control";
            let remedy = "write `shuffle:<seed>` or `init:<seed>` with a seed from 0 to 4294967295";
            Error::data(format!("weights `{text}`"), problem, remedy)
        };
        let (kind, seed) = text.split_once(':').ok_or_else(wrong)?;
        let seed = seed.parse().map_err(|_| wrong())?;
        match kind {
            "shuffle" => Ok(Weights::Shuffled(seed)),
            "init" => Ok(Weights::Random(seed)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Weights::Trained => f.write_str("trained"),
            Weights::Shuffled(seed) => write!(f, "shuffle:{seed}"),
            Weights::Random(seed) => write!(f, "init:{seed}"),
        }
    }
}

/// What a tensor is to the operation that takes it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Role {
    /// Of a sum of so many products.
    Weight { fan_in: u64 },
    /// Bias or mean.
    Zero,
    /// Scale or variance.
    One,
}

impl Model {
    /// The model with other weights, and the names of weight tensors that the control leaves as they are.
    ///
    /// # Errors
    ///
    /// If the file keeps its weights in a way that is not understood, or all of them where they cannot be changed.
    pub fn with_weights(self, weights: Weights) -> Result<(Model, Vec<String>)> {
        if weights == Weights::Trained {
            return Ok((self, Vec::new()));
        }
        let message = decode(&self.path, &self.bytes)?;
        let graph = message.graph.as_ref();
        let tensors: Vec<&proto::Tensor> = graph
            .iter()
            .flat_map(|graph| &graph.initializers)
            .filter(|tensor| tensor.data_type == proto::FLOAT && n_values(tensor) > 0)
            .collect();
        let roles = graph.map(roles).unwrap_or_default();
        let changes = |name: &str| match weights {
            Weights::Random(_) => matches!(roles.get(name), Some(Role::Weight { .. })),
            Weights::Shuffled(_) | Weights::Trained => true,
        };
        let origins = graph
            .map(|graph| origins(graph, changes))
            .unwrap_or_default();
        if origins.n_changed == 0 && !origins.fixed.is_empty() {
            let problem = format!(
                "keeps its weights as constants of the graph or in another precision, such as `{}`, where \
                 `--weights` cannot change them",
                origins.fixed[0]
            );
            let remedy = "export it in single precision, with its weights as initializers";
            return Err(Error::file(&self.path, problem, remedy));
        }
        // Cut before the copies: the offsets are found by the slices of the original.
        let places: Vec<(Option<String>, Range<usize>)> = tensors
            .iter()
            .map(|tensor| self.place(tensor))
            .collect::<Result<_>>()?;
        let mut bytes = self.bytes.to_vec();
        let mut external: BTreeMap<String, Vec<u8>> = self
            .external
            .iter()
            .map(|(name, data)| (name.clone(), data.to_vec()))
            .collect();
        let told: HashSet<String> = origins.fixed.iter().cloned().collect();
        let mut kept = origins.fixed;
        for (number, (tensor, (file, range))) in tensors.iter().zip(places).enumerate() {
            let data = match &file {
                None => &mut bytes[range],
                Some(file) => &mut external.get_mut(file).expect("read with the model")[range],
            };
            match weights {
                Weights::Trained => {}
                Weights::Shuffled(seed) => shuffle(data, generator(seed, number)),
                Weights::Random(seed) => match roles.get(tensor.name.as_str()) {
                    Some(&role) => draw(data, role, generator(seed, number)),
                    None if n_values(tensor) > 1 && !told.contains(&tensor.name) => {
                        kept.push(tensor.name.clone());
                    }
                    None => {}
                },
            }
        }
        let copy = Model {
            bytes: Bytes::from(bytes),
            external: external
                .into_iter()
                .map(|(name, data)| (name, Bytes::from(data)))
                .collect(),
            ..self
        };
        Ok((copy, kept))
    }

    /// The weight file of a tensor (`None`: the model itself) and its bytes there.
    fn place(&self, tensor: &proto::Tensor) -> Result<(Option<String>, Range<usize>)> {
        let (file, range) = if tensor.data_location == proto::EXTERNAL {
            let place = Place::of(tensor, &self.path)?;
            let available = self.external.get(&place.file).map_or(0, Bytes::len);
            (Some(place.file.clone()), place.range(available))
        } else {
            let data = match tensor.raw_data.is_empty() {
                true => &tensor.float_data,
                false => &tensor.raw_data,
            };
            let start = (data.as_ptr() as usize).checked_sub(self.bytes.as_ptr() as usize);
            let range = start.map(|start| start..start + data.len());
            let range = range.filter(|range| self.bytes.get(range.clone()) == Some(data));
            (None, range)
        };
        let expected = n_values(tensor).checked_mul(FLOAT_SIZE as u64);
        match range {
            Some(range) if Some(range.len() as u64) == expected => Ok((file, range)),
            _ => {
                let problem = format!(
                    "does not keep the values of `{}` where they can be replaced",
                    tensor.name
                );
                Err(Error::file(&self.path, problem, REMEDY))
            }
        }
    }
}

fn generator(seed: u32, number: usize) -> LegacyRandom {
    LegacyRandom::seed(seed.wrapping_add(number as u32))
}

/// `values[i] = old[permutation[i]]`.
fn shuffle(data: &mut [u8], mut random: LegacyRandom) {
    let old = data.to_vec();
    let order = random.permutation(data.len() / FLOAT_SIZE);
    for (value, from) in data.chunks_exact_mut(FLOAT_SIZE).zip(order) {
        value.copy_from_slice(&old[from * FLOAT_SIZE..][..FLOAT_SIZE]);
    }
}

fn draw(data: &mut [u8], role: Role, mut random: LegacyRandom) {
    for value in data.chunks_exact_mut(FLOAT_SIZE) {
        let drawn = match role {
            Role::Weight { fan_in } => {
                (random.standard_normal() * (2.0 / fan_in.max(1) as f64).sqrt()) as f32
            }
            Role::Zero => 0.0,
            Role::One => 1.0,
        };
        value.copy_from_slice(&drawn.to_le_bytes());
    }
}

/// The role of each weight tensor in the first operation that takes it.
fn roles(graph: &proto::Graph) -> HashMap<&str, Role> {
    let dims: HashMap<&str, &[i64]> = graph
        .initializers
        .iter()
        .map(|tensor| (tensor.name.as_str(), tensor.dims.as_slice()))
        .collect();
    // Exporters turn the weights of a linear layer round before the product.
    let mut turned: HashMap<&str, &str> = HashMap::new();
    let mut roles = HashMap::new();
    for node in &graph.nodes {
        if let ("Transpose", [from], [to]) = (
            node.op.as_str(),
            node.inputs.as_slice(),
            node.outputs.as_slice(),
        ) {
            turned.insert(to, from);
            continue;
        }
        for (place, input) in node.inputs.iter().enumerate() {
            let name = turned.get(input.as_str()).copied().unwrap_or(input);
            let Some(&dims) = dims.get(name) else {
                continue;
            };
            let mut dims: Vec<u64> = dims.iter().map(|&d| d.unsigned_abs()).collect();
            if name != input {
                dims.reverse();
            }
            if let Some(role) = role(node, place, &dims) {
                roles.entry(name).or_insert(role);
            }
        }
    }
    roles
}

/// The role of input number `place` of an operation, of shape `dims`.
fn role(node: &proto::Node, place: usize, dims: &[u64]) -> Option<Role> {
    let is_set = |name: &str| {
        let attribute = node.attributes.iter().find(|entry| entry.name == name);
        attribute.is_some_and(|entry| entry.number != 0)
    };
    // One value per channel, whatever axes of length 1 are around it.
    let is_vector = dims.iter().filter(|&&length| length > 1).count() == 1;
    let fan_in = match (node.op.as_str(), place, dims) {
        ("Conv", 1, [_, rest @ ..]) => product(1, rest),
        ("ConvTranspose", 1, [inputs, _, rest @ ..]) => product(*inputs, rest),
        ("Gemm", 1, &[rows, columns]) => match is_set("transB") {
            true => columns,
            false => rows,
        },
        ("MatMul", 1, &[.., rows, _]) => rows,
        ("MatMul", 0, &[.., columns]) => columns,
        ("Conv" | "ConvTranspose" | "Gemm", 2, _) => return Some(Role::Zero),
        ("BatchNormalization", 1 | 4, _) => return Some(Role::One),
        ("BatchNormalization", 2 | 3, _) => return Some(Role::Zero),
        (
            "InstanceNormalization"
            | "LayerNormalization"
            | "GroupNormalization"
            | "SimplifiedLayerNormalization",
            1 | 2,
            _,
        ) => return Some(if place == 1 { Role::One } else { Role::Zero }),
        ("Mul", _, _) if is_vector => return Some(Role::One),
        ("Add", _, _) if is_vector => return Some(Role::Zero),
        _ => return None,
    };
    Some(Role::Weight { fan_in })
}

/// `first` times all of `rest`, saturating for shapes that no file can hold.
fn product(first: u64, rest: &[u64]) -> u64 {
    rest.iter().copied().fold(first, u64::saturating_mul)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(op: &str) -> proto::Node {
        proto::Node {
            op: op.to_owned(),
            ..proto::Node::default()
        }
    }

    #[test]
    fn controls_are_written_as_kind_and_seed() {
        for (text, weights) in [
            ("shuffle:3", Weights::Shuffled(3)),
            ("init:4294967295", Weights::Random(u32::MAX)),
        ] {
            assert_eq!(text.parse::<Weights>().unwrap(), weights);
            assert_eq!(weights.to_string(), text);
        }
        for text in [
            "shuffle",
            "init:",
            "init:-1",
            "noise:1",
            "shuffle:4294967296",
        ] {
            let error = text.parse::<Weights>().unwrap_err().to_string();
            assert!(error.contains("shuffle:<seed>"), "{error}");
        }
    }

    #[test]
    fn fan_in_is_the_number_of_summed_products() {
        let weight = |fan_in| Some(Role::Weight { fan_in });
        assert_eq!(role(&node("Conv"), 1, &[64, 3, 7, 7]), weight(147));
        assert_eq!(role(&node("ConvTranspose"), 1, &[8, 4, 3, 3]), weight(72));
        assert_eq!(role(&node("Conv"), 1, &[1, u64::MAX, 9]), weight(u64::MAX));
        assert_eq!(role(&node("MatMul"), 1, &[512, 1000]), weight(512));
        assert_eq!(role(&node("Gemm"), 1, &[512, 1000]), weight(512));
        let mut turned = node("Gemm");
        turned.attributes.push(proto::Attribute {
            name: "transB".to_owned(),
            number: 1,
            ..proto::Attribute::default()
        });
        assert_eq!(role(&turned, 1, &[1000, 512]), weight(512));
        assert_eq!(role(&node("BatchNormalization"), 4, &[64]), Some(Role::One));
        assert_eq!(role(&node("Add"), 1, &[64, 1, 1]), Some(Role::Zero));
        assert_eq!(role(&node("Add"), 1, &[64, 14, 14]), None);
        // The 1 and the .5 of a GELU.
        assert_eq!(role(&node("Add"), 1, &[]), None);
        assert_eq!(role(&node("Mul"), 0, &[1, 1]), None);
    }

    #[test]
    fn shuffling_keeps_the_values_and_drawing_has_the_variance() {
        let values: Vec<u8> = (0..50)
            .flat_map(|i: i32| (i as f32).to_le_bytes())
            .collect();
        let mut shuffled = values.clone();
        shuffle(&mut shuffled, generator(1, 0));
        assert_ne!(shuffled, values);
        let read = |bytes: &[u8]| -> Vec<f32> {
            let chunks = bytes.chunks_exact(4);
            chunks
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect()
        };
        let mut sorted = read(&shuffled);
        sorted.sort_by(f32::total_cmp);
        assert_eq!(sorted, read(&values));
        let mut drawn = vec![0; 4 * 20_000];
        draw(&mut drawn, Role::Weight { fan_in: 8 }, generator(1, 0));
        let drawn = read(&drawn);
        let variance = drawn.iter().map(|v| v * v).sum::<f32>() / drawn.len() as f32;
        // The standard error of a variance of .25 over 20,000 draws is .0025.
        assert!((variance - 0.25).abs() < 0.0125, "{variance}");
    }
}
