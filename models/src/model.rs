//! A model: a graph with its preprocessing and postprocessing, and the one function that times all three.

use std::path::{Path, PathBuf};
use std::time::Duration;

use edgeval_int8::onnx::NodeCoverage;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::bundle::{Bundle, BundleError, MAXIMUM_GRAPH_BYTES};
use crate::execution::{Engine, Execution};
use crate::files::{FileError, read_bounded};
use crate::graph::{Graph, GraphError, Port};
use crate::image::{ImagePlan, PictureError};
use crate::inspection::{FloatOperator, Inspection, TensorFacts};
use crate::manifest::{ChannelOrder, Features, Input, Manifest, Modality, Output, Precision};
use crate::prediction::{Prediction, softmax};
use crate::sound::{ResampleError, SoundPlan};
use crate::tensor::{Tensor, Tensors};
use crate::window::{Channels, Picture, Sound, Window};

/// Why a model can't be loaded or asked.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A bare graph's file can't be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The bundle can't be used.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The graph can't be loaded or run.
    #[error("{path}: {reason}")]
    Graph {
        /// The graph's file.
        path: PathBuf,
        /// What is wrong.
        reason: GraphError,
    },
    /// Manifest and graph contradict each other.
    #[error("{path}: `{field}` says {manifest}, but the graph has {graph}")]
    Contradiction {
        /// The graph's file.
        path: PathBuf,
        /// The manifest's field.
        field: String,
        /// What the manifest says.
        manifest: String,
        /// What the graph has.
        graph: String,
    },
    /// The window's picture can't be used.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The window's sound can't be used.
    #[error(transparent)]
    Sound(#[from] ResampleError),
    /// The model has no preprocessing: it is a bare graph.
    #[error("{0} is a bare ONNX file: it has no preprocessing for pictures and sound; use a bundle")]
    Bare(PathBuf),
}

/// A prediction and how long each stage of it took.
#[derive(Clone, Debug)]
pub struct Timed {
    /// What the model said.
    pub prediction: Prediction,
    /// Window to tensors.
    pub preprocess: Duration,
    /// Tensors to tensors.
    pub inference: Duration,
    /// Tensors to prediction.
    pub postprocess: Duration,
}

/// A model, ready to be asked.
#[derive(Debug)]
pub struct Model {
    path: PathBuf,
    graph: Graph,
    /// A bundle's; a bare graph has none.
    manifest: Option<Manifest>,
    plans: Vec<Plan>,
    tensors: Tensors,
    model_bytes: u64,
}

/// How one input is made.
#[derive(Debug)]
enum Plan {
    Image(ImagePlan),
    Sound(SoundPlan),
}

impl Model {
    /// Loads a bundle's variant.
    ///
    /// # Errors
    /// When there is no such variant, its graph can't be loaded, or contradicts the manifest.
    pub fn load(bundle: &Bundle, precision: Precision, execution: Execution) -> Result<Self, ModelError> {
        let path = bundle.graph(precision)?;
        let mut model = Self::load_onnx(&path, execution)?;
        let manifest = bundle.manifest();
        Fit { path: &path, graph: &model.graph }.check(manifest)?;
        model.plans = manifest.inputs.iter().map(Plan::new).collect();
        let ports = manifest.inputs.iter().filter_map(|input| find(model.graph.inputs(), input.name()));
        model.tensors = ports.map(zeros).collect();
        model.manifest = Some(manifest.clone());
        Ok(model)
    }

    /// Loads a bare ONNX file.
    ///
    /// # Errors
    /// When it can't be read, or tract can't run it.
    pub fn load_onnx(path: &Path, execution: Execution) -> Result<Self, ModelError> {
        let bytes = read_bounded(path, MAXIMUM_GRAPH_BYTES)?;
        let graph =
            Graph::load(&bytes, execution).map_err(|reason| ModelError::Graph { path: path.to_owned(), reason })?;
        let model_bytes = bytes.len() as u64;
        Ok(Self {
            path: path.to_owned(),
            graph,
            manifest: None,
            plans: Vec::new(),
            tensors: Tensors::default(),
            model_bytes,
        })
    }

    /// Asks the model and times it. `clock` tells the time since any fixed moment and is read four times: before
    /// preprocessing, between the stages, and after postprocessing.
    ///
    /// # Errors
    /// When the window can't be used or the graph fails.
    pub fn predict(&mut self, window: &Window, clock: &dyn Fn() -> Duration) -> Result<Timed, ModelError> {
        let started = clock();
        self.fill(window)?;
        let preprocessed = clock();
        let outputs = self.graph.run(&self.tensors).map_err(|reason| self.failed(reason))?;
        let inferred = clock();
        let prediction = self.postprocess(&outputs)?;
        let finished = clock();
        Ok(Timed {
            prediction,
            preprocess: preprocessed.saturating_sub(started),
            inference: inferred.saturating_sub(preprocessed),
            postprocess: finished.saturating_sub(inferred),
        })
    }

    /// The input tensors of a window. A missing picture is black, a missing sound silent.
    ///
    /// # Errors
    /// When the window's sound can't be brought to the model's rate, or this is a bare graph.
    pub fn preprocess(&mut self, window: &Window) -> Result<Tensors, ModelError> {
        self.fill(window)?;
        Ok(self.tensors.clone())
    }

    fn fill(&mut self, window: &Window) -> Result<(), ModelError> {
        if self.manifest.is_none() {
            return Err(ModelError::Bare(self.path.clone()));
        }
        for (plan, tensor) in self.plans.iter_mut().zip(self.tensors.iter_mut()) {
            match plan {
                Plan::Image(plan) => plan.fill(window.image.as_ref(), &mut tensor.values)?,
                Plan::Sound(plan) => plan.fill(window.audio.as_ref(), &mut tensor.values)?,
            }
        }
        Ok(())
    }

    /// Runs the graph alone.
    ///
    /// # Errors
    /// When an input is missing or has another shape, or the graph fails.
    pub fn infer(&mut self, tensors: &Tensors) -> Result<Tensors, ModelError> {
        self.graph.run(tensors).map_err(|reason| self.failed(reason))
    }

    /// What the graph's outputs mean.
    ///
    /// # Errors
    /// When this is a bare graph.
    pub fn postprocess(&self, outputs: &Tensors) -> Result<Prediction, ModelError> {
        let manifest = self.manifest.as_ref().ok_or_else(|| ModelError::Bare(self.path.clone()))?;
        let mut prediction = Prediction::default();
        for output in &manifest.outputs {
            let values = outputs.get(output.name()).map(|tensor| tensor.values.clone()).unwrap_or_default();
            match output {
                Output::Logits { .. } => prediction.logits = values,
                Output::Embedding { modality, .. } => prediction.embeddings.push((*modality, values)),
                Output::Attention { modalities, .. } => {
                    prediction.attention = modalities.iter().copied().zip(values).collect();
                }
            }
        }
        prediction.probabilities = softmax(&prediction.logits);
        (prediction.class, prediction.confidence) = prediction.best();
        Ok(prediction)
    }

    fn failed(&self, reason: GraphError) -> ModelError {
        ModelError::Graph { path: self.path.clone(), reason }
    }

    /// Whether windows can be asked about; a bare graph takes tensors alone.
    #[must_use]
    pub const fn has_preprocessing(&self) -> bool {
        self.manifest.is_some()
    }

    /// Random tensors of the inputs' shapes, from −1 to 1; the same for the same seed.
    #[must_use]
    pub fn seeded_inputs(&self, seed: u64) -> Tensors {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let fill = |port: &Port| {
            let mut tensor = zeros(port);
            tensor.values.iter_mut().for_each(|value| *value = random.random_range(-1.0..1.0));
            tensor
        };
        self.graph.inputs().iter().map(fill).collect()
    }

    /// A window of noise that fits the inputs; the same for the same seed.
    #[must_use]
    pub fn seeded_window(&self, seed: u64) -> Window {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut window = Window::default();
        for input in self.manifest.iter().flat_map(|manifest| &manifest.inputs) {
            match input {
                Input::Image(image) => {
                    let channels = if image.channels == ChannelOrder::Gray { Channels::Gray } else { Channels::Rgb };
                    let data = (0..image.width * image.height * channels.count()).map(|_| random.random()).collect();
                    window.image = Some(Picture { width: image.width, height: image.height, channels, data });
                }
                Input::Audio(audio) => {
                    let samples = (0..audio.samples()).map(|_| random.random_range(-0.1..0.1)).collect();
                    window.audio = Some(Sound { sample_rate_hz: audio.sample_rate_hz, samples });
                }
            }
        }
        window
    }

    /// What runs it.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        self.graph.engine()
    }

    /// What the model is made of.
    #[must_use]
    pub fn inspect(&self) -> Inspection {
        let facts = self.graph.facts();
        let tensors = |ports: &[Port]| ports.iter().map(|port| self.tensor_facts(port)).collect();
        Inspection {
            inputs: tensors(self.graph.inputs()),
            outputs: tensors(self.graph.outputs()),
            operators_in_file: facts.operators_in_file.clone(),
            operators_run: facts.operators_run.clone(),
            macs: facts.macs,
            parameters: facts.parameters,
            model_bytes: self.model_bytes,
            quantized: facts.quantized,
            in_float: facts.in_float.iter().map(float_operator).collect(),
            integer_share_of_macs: (facts.macs > 0).then(|| facts.integer_macs as f64 / facts.macs as f64),
        }
    }

    fn tensor_facts(&self, port: &Port) -> TensorFacts {
        let manifest = self.manifest.iter();
        let input = manifest.clone().flat_map(|manifest| &manifest.inputs).find(|input| input.name() == port.name);
        let output = manifest.flat_map(|manifest| &manifest.outputs).find(|output| output.name() == port.name);
        let meaning = input.map(meaning_of_input).or_else(|| output.map(meaning_of_output)).unwrap_or_default();
        let (name, data_type) = (port.name.clone(), port.data_type.to_lowercase());
        TensorFacts { name, data_type, shape: port.shape.clone(), meaning }
    }
}

fn float_operator(node: &NodeCoverage) -> FloatOperator {
    FloatOperator {
        name: node.name.clone(),
        operator: node.operator.clone(),
        macs: node.macs,
        reason: node.reason.clone().unwrap_or_default(),
    }
}

impl Plan {
    fn new(input: &Input) -> Self {
        match input {
            Input::Image(image) => Self::Image(ImagePlan::new(image)),
            Input::Audio(audio) => Self::Sound(SoundPlan::new(audio)),
        }
    }
}

fn meaning_of_input(input: &Input) -> String {
    match input {
        Input::Image(image) => {
            format!("picture, {} × {} {:?}", image.width, image.height, image.channels).to_lowercase()
        }
        Input::Audio(audio) => {
            let kind = if matches!(audio.features, Features::LogMel(_)) { "log-mel" } else { "waveform" };
            format!("sound, {} ms at {} Hz, {kind}", audio.window_ms, audio.sample_rate_hz)
        }
    }
}

fn meaning_of_output(output: &Output) -> String {
    match output {
        Output::Logits { .. } => "logits".to_owned(),
        Output::Embedding { modality, .. } => format!("embedding of {modality}"),
        Output::Attention { modalities, .. } => {
            let names: Vec<String> = modalities.iter().map(Modality::to_string).collect();
            format!("attention to {}", names.join(", "))
        }
    }
}

fn zeros(port: &Port) -> Tensor {
    let values = vec![0.0; port.shape.iter().product()];
    Tensor { name: port.name.clone(), shape: port.shape.clone(), values }
}

fn find<'a>(ports: &'a [Port], name: &str) -> Option<&'a Port> {
    ports.iter().find(|port| port.name == name)
}

/// Checks a manifest against the graph that it describes.
struct Fit<'a> {
    path: &'a Path,
    graph: &'a Graph,
}

impl Fit<'_> {
    fn check(&self, manifest: &Manifest) -> Result<(), ModelError> {
        manifest.inputs.iter().try_for_each(|input| self.check_input(input))?;
        for port in self.graph.inputs() {
            let described = manifest.inputs.iter().any(|input| input.name() == port.name);
            self.demand(described, "input", "nothing of it", &format!("an input `{}`", port.name))?;
        }
        manifest.outputs.iter().try_for_each(|output| self.check_output(output, manifest.labels.len()))
    }

    fn check_input(&self, input: &Input) -> Result<(), ModelError> {
        let port = self.port(self.graph.inputs(), input.name(), "input")?;
        let expected = match input {
            Input::Image(image) if image.layout == crate::manifest::Layout::Nchw => {
                vec![image.channels.count(), image.height, image.width]
            }
            Input::Image(image) => vec![image.height, image.width, image.channels.count()],
            Input::Audio(audio) => match &audio.features {
                Features::Waveform {} => vec![audio.samples()],
                Features::LogMel(mel) => mel.shape(audio.samples(), audio.sample_rate_hz).to_vec(),
            },
        };
        self.same_shape(&format!("input.{}", input.name()), &expected, port)
    }

    fn check_output(&self, output: &Output, labels: usize) -> Result<(), ModelError> {
        let port = self.port(self.graph.outputs(), output.name(), "output")?;
        let field = format!("output.{}", output.name());
        match output {
            Output::Logits { .. } => self.same_shape("labels", &[labels], port),
            Output::Attention { modalities, .. } => self.same_shape(&field, &[modalities.len()], port),
            Output::Embedding { .. } => Ok(()),
        }
    }

    fn port<'a>(&self, ports: &'a [Port], name: &str, field: &str) -> Result<&'a Port, ModelError> {
        let names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
        let graph = format!("only {}", names.join(", "));
        find(ports, name).ok_or_else(|| self.contradiction(field, name.to_owned(), graph))
    }

    /// The same dimensions, those of length 1 aside: batch and channel may or may not be there.
    fn same_shape(&self, field: &str, expected: &[usize], port: &Port) -> Result<(), ModelError> {
        let long = |shape: &[usize]| shape.iter().copied().filter(|&length| length != 1).collect::<Vec<_>>();
        let holds = long(expected) == long(&port.shape);
        self.demand(
            holds,
            field,
            &format!("shape {expected:?}"),
            &format!("shape {:?} for `{}`", port.shape, port.name),
        )
    }

    fn demand(&self, holds: bool, field: &str, manifest: &str, graph: &str) -> Result<(), ModelError> {
        if holds { Ok(()) } else { Err(self.contradiction(field, manifest.to_owned(), graph.to_owned())) }
    }

    fn contradiction(&self, field: &str, manifest: String, graph: String) -> ModelError {
        ModelError::Contradiction { path: self.path.to_owned(), field: field.to_owned(), manifest, graph }
    }
}
