//! Functions of one number, as a table: what a chain of float operators makes of every byte.
//!
//! Every operator is computed in 64 bits on `libm` and rounded to 32, so that tables are the same on every processor.

use tract_onnx::pb::NodeProto;

use super::file::{File, Quantized};

/// A chain of operators over one quantized tensor.
#[derive(Clone, Debug)]
pub struct Function {
    /// The tensor; none yet in a chain of constants alone.
    pub source: Option<Quantized>,
    /// The result for every byte.
    pub values: Vec<f32>,
}

/// The longest chain that is followed.
const LONGEST_CHAIN: usize = 64;

impl Function {
    /// The function that makes a float value, when there is one.
    ///
    /// # Errors
    /// In words: what isn't a function of one quantized tensor.
    pub fn of(file: &File<'_>, name: &str) -> Result<Self, String> {
        Self::follow(file, name, LONGEST_CHAIN)
    }

    fn follow(file: &File<'_>, name: &str, depth: usize) -> Result<Self, String> {
        if let Some(source) = file.dequantized(name) {
            let values = (0..=u8::MAX).map(|byte| source.quantization.dequantize(byte)).collect();
            return Ok(Self { source: Some(source), values });
        }
        if let Some(constant) = constant(file, name) {
            return Ok(Self { source: None, values: vec![constant; 256] });
        }
        let node = file.maker(name).ok_or_else(|| format!("`{name}` isn't quantized"))?;
        let depth = depth.checked_sub(1).ok_or("the chain of operators is too long")?;
        let inputs = node.input.iter().filter(|input| !input.is_empty());
        let inputs = inputs.map(|input| Self::follow(file, input, depth)).collect::<Result<Vec<_>, _>>()?;
        let mut sources = inputs.iter().filter_map(|input| input.source.as_ref());
        let source = sources.next().cloned();
        if sources.any(|other| Some(other) != source.as_ref()) {
            return Err(format!("{} `{}` takes two tensors", node.op_type, node.name));
        }
        let operator = Operator::new(node).ok_or_else(|| format!("{} isn't lowered", node.op_type))?;
        let value = |byte: usize| {
            let arguments: Vec<f64> = inputs.iter().map(|input| f64::from(input.values[byte])).collect();
            operator.apply(&arguments).map(|value| value as f32)
        };
        let values = (0..256).map(value).collect::<Option<Vec<f32>>>();
        Ok(Self { source, values: values.ok_or_else(|| format!("{} has missing inputs", node.op_type))? })
    }
}

/// A constant of one element, quantized or not.
fn constant(file: &File<'_>, name: &str) -> Option<f32> {
    if let Some(value) = file.scalar(name) {
        return Some(value);
    }
    let weights = file.weights(name)?;
    let only = weights.values.len() == 1;
    only.then(|| (f32::from(weights.values[0]) - f32::from(weights.zero_points[0])) * weights.scales[0])
}

/// An operator with its attributes.
struct Operator<'a> {
    node: &'a NodeProto,
    alpha: Option<f64>,
    beta: Option<f64>,
}

impl<'a> Operator<'a> {
    fn new(node: &'a NodeProto) -> Option<Self> {
        let float = |name: &str| node.get_attr_opt::<f32>(name).ok().flatten().map(f64::from);
        let known = ELEMENTWISE.contains(&node.op_type.as_str());
        known.then(|| Self { node, alpha: float("alpha"), beta: float("beta") })
    }

    fn apply(&self, inputs: &[f64]) -> Option<f64> {
        let x = *inputs.first()?;
        let name = self.node.op_type.as_str();
        unary(name, x).or_else(|| binary(name, x, *inputs.get(1)?)).or_else(|| self.with_attributes(name, x, inputs))
    }

    fn with_attributes(&self, name: &str, x: f64, inputs: &[f64]) -> Option<f64> {
        let alpha = |otherwise: f64| self.alpha.unwrap_or(otherwise);
        let beta = |otherwise: f64| self.beta.unwrap_or(otherwise);
        Some(match name {
            "Clip" => self.clip(inputs),
            "LeakyRelu" => leaky(alpha(f64::from(0.01_f32)), x),
            "ThresholdedRelu" if x > alpha(1.0) => x,
            "ThresholdedRelu" => 0.0,
            "Elu" if x < 0.0 => alpha(1.0) * libm::expm1(x),
            "Elu" => x,
            "Selu" => self.selu(x),
            "Celu" => x.max(0.0) + (alpha(1.0) * libm::expm1(x / alpha(1.0))).min(0.0),
            "HardSigmoid" => (alpha(f64::from(0.2_f32)) * x + beta(0.5)).clamp(0.0, 1.0),
            "Gelu" => self.gelu(x),
            "Min" => inputs.iter().copied().fold(x, f64::min),
            "Max" => inputs.iter().copied().fold(x, f64::max),
            _ => return None,
        })
    }

    fn selu(&self, x: f64) -> f64 {
        let gamma = self.node.get_attr_opt::<f32>("gamma").ok().flatten();
        let scale = gamma.map_or(1.050_700_987_355_48, f64::from);
        scale * if x < 0.0 { self.alpha.unwrap_or(1.673_263_242_354_377) * libm::expm1(x) } else { x }
    }

    /// Bounds are attributes before opset 11, inputs since.
    fn clip(&self, inputs: &[f64]) -> f64 {
        let attribute = |name: &str| self.node.get_attr_opt::<f32>(name).ok().flatten().map(f64::from);
        let given = |place: usize| self.node.input.get(place).is_some_and(|name| !name.is_empty());
        let mut rest = inputs[1..].iter().copied();
        let low = if given(1) { rest.next() } else { attribute("min") };
        let high = if given(2) { rest.next() } else { attribute("max") };
        inputs[0].max(low.unwrap_or(f64::NEG_INFINITY)).min(high.unwrap_or(f64::INFINITY))
    }

    fn gelu(&self, x: f64) -> f64 {
        let approximate = self.node.get_attr_opt::<String>("approximate").ok().flatten();
        if approximate.as_deref() == Some("tanh") {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
            0.5 * x * (1.0 + libm::tanh(inner))
        } else {
            0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2))
        }
    }
}

/// Operators of one number without attributes.
fn unary(name: &str, x: f64) -> Option<f64> {
    Some(match name {
        "Identity" | "Dropout" => x,
        "Relu" => x.max(0.0),
        "Sigmoid" => sigmoid(x),
        "HardSwish" => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        "Tanh" => libm::tanh(x),
        "Erf" => libm::erf(x),
        "Mish" => x * libm::tanh(softplus(x)),
        "Softplus" => softplus(x),
        "Softsign" => x / (1.0 + x.abs()),
        "Exp" => libm::exp(x),
        "Log" => libm::log(x),
        "Sqrt" => x.sqrt(),
        "Reciprocal" => 1.0 / x,
        "Abs" => x.abs(),
        "Neg" => -x,
        "Sign" if x == 0.0 => 0.0,
        "Sign" => x.signum(),
        "Floor" => x.floor(),
        "Ceil" => x.ceil(),
        "Round" => x.round_ties_even(),
        "Sin" => libm::sin(x),
        "Cos" => libm::cos(x),
        _ => return None,
    })
}

/// Operators of two numbers.
fn binary(name: &str, x: f64, y: f64) -> Option<f64> {
    Some(match name {
        "Add" => x + y,
        "Sub" => x - y,
        "Mul" => x * y,
        "Div" => x / y,
        "Pow" => libm::pow(x, y),
        "PRelu" => leaky(y, x),
        _ => return None,
    })
}

fn leaky(slope: f64, x: f64) -> f64 {
    if x < 0.0 { slope * x } else { x }
}

/// `ln(1 + e^x)`, which is x where e^x is too large.
fn softplus(x: f64) -> f64 {
    if x > 30.0 { x } else { libm::log1p(libm::exp(x)) }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// Operators that work on one element at a time.
pub const ELEMENTWISE: [&str; 38] = [
    "Identity",
    "Dropout",
    "Relu",
    "Clip",
    "LeakyRelu",
    "PRelu",
    "ThresholdedRelu",
    "Elu",
    "Selu",
    "Celu",
    "Sigmoid",
    "HardSigmoid",
    "HardSwish",
    "Tanh",
    "Erf",
    "Gelu",
    "Mish",
    "Softplus",
    "Softsign",
    "Exp",
    "Log",
    "Sqrt",
    "Reciprocal",
    "Abs",
    "Neg",
    "Sign",
    "Floor",
    "Ceil",
    "Round",
    "Sin",
    "Cos",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Pow",
    "Min",
    "Max",
];
