//! A model: a graph with its preprocessing and postprocessing, and the one function that times all three.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use edgeval_int8::onnx::NodeCoverage;

use crate::bundle::{Bundle, MAXIMUM_GRAPH_BYTES};
use crate::dimensions::{Dimensions, KnownDimensions};
use crate::error::ModelError;
use crate::execution::{Engine, Execution};
use crate::files::read_bounded;
use crate::fit::{Fit, shape_of};
use crate::generation::{Answer, Generator};
use crate::graph::{Graph, GraphError, GraphFacts, Port, Value};
use crate::inputs::{Plan, meaning_of_input, meaning_of_output, seeded_tensors, seeded_window, zeros};
use crate::inspection::{BytesMoved, DecoderFacts, FloatOperator, Inspection, TensorFacts};
use crate::manifest::{Input, Manifest, Output, Precision, Task};
use crate::prediction::{Prediction, softmax};
use crate::tensor::Tensors;
use crate::window::Window;

mod parts;

/// A prediction and how long each stage of it took.
#[derive(Clone, Debug)]
pub struct Timed {
    /// What the model said.
    pub prediction: Prediction,
    /// Window to tensors.
    pub preprocess: Duration,
    /// Tensors to tensors; of a model that generates the encoder's run and all of the decoder's.
    pub inference: Duration,
    /// Tensors to prediction.
    pub postprocess: Duration,
    /// From the start of inference to the first token, of a model that generates.
    pub first_token: Option<Duration>,
}

/// A model, ready to be asked. Clones share its weights, and its threads where it has several; each is asked by itself.
#[derive(Clone, Debug)]
pub struct Model {
    path: PathBuf,
    graph: Graph,
    /// A bundle's; a bare graph has none.
    manifest: Option<Manifest>,
    plans: Vec<Plan>,
    tensors: Tensors,
    /// What answers in words, once the graph has run.
    generator: Option<Generator>,
    /// The graph's file, in bytes.
    graph_bytes: u64,
}

impl Model {
    /// Loads a bundle's variant.
    ///
    /// # Errors
    /// When there is no such variant, its graphs can't be loaded or contradict the manifest, or a tokenizer can't be used.
    pub fn load(bundle: &Bundle, precision: Precision, execution: Execution) -> Result<Self, ModelError> {
        let (path, manifest, directory) = (bundle.graph(precision)?, bundle.manifest(), bundle.directory());
        let mut known = KnownDimensions::default();
        for (input, name) in manifest.inputs.iter().flat_map(|input| input.names().map(move |name| (input, name))) {
            known.shapes.insert(name.to_owned(), shape_of(input));
        }
        let mut model = Self::load_graph(&path, execution, &known)?;
        Fit { path: &path, graph: &model.graph }.check(manifest)?;
        model.plans = manifest.inputs.iter().map(|input| Plan::new(input, directory)).collect::<Result<_, _>>()?;
        let names = manifest.inputs.iter().flat_map(Input::names);
        model.tensors = names.filter_map(|name| find(model.graph.inputs(), name)).map(zeros).collect();
        if let (Some(path), Some(decode)) = (bundle.decoder(precision)?, &manifest.decode) {
            let generator = Generator::load(&path, directory, manifest, decode, &model.graph, execution)?;
            model.generator = Some(generator);
        }
        model.manifest = Some(manifest.clone());
        Ok(model)
    }

    /// Loads a bare ONNX file. `dimensions` says how long its open dimensions are; others are 1 for a batch and 128 for token ids.
    ///
    /// # Errors
    /// When it can't be read, has an open dimension that nobody knows, or tract can't run it.
    pub fn load_onnx(path: &Path, execution: Execution, dimensions: &Dimensions) -> Result<Self, ModelError> {
        let known = KnownDimensions { named: dimensions.clone(), ..KnownDimensions::default() };
        Self::load_graph(path, execution, &known)
    }

    fn load_graph(path: &Path, execution: Execution, known: &KnownDimensions) -> Result<Self, ModelError> {
        let bytes = read_bounded(path, MAXIMUM_GRAPH_BYTES)?;
        let graph = Graph::load(&bytes, execution, known)
            .map_err(|reason| ModelError::Graph { path: path.to_owned(), reason })?;
        Ok(Self {
            path: path.to_owned(),
            graph,
            manifest: None,
            plans: Vec::new(),
            tensors: Tensors::default(),
            generator: None,
            graph_bytes: bytes.len() as u64,
        })
    }

    /// Asks the model and times it. `clock` tells the time since any fixed moment and is read before preprocessing, between the
    /// stages, and after postprocessing; while a model that generates infers it is read once more, at the first token.
    ///
    /// # Errors
    /// When the window can't be used or asks for what the model doesn't do, or a graph fails.
    pub fn predict(&mut self, window: &Window, clock: &dyn Fn() -> Duration) -> Result<Timed, ModelError> {
        let started = clock();
        let begin = self.generator.as_ref().map(|generator| generator.begin(window.ask.as_deref())).transpose()?;
        self.fill(window)?;
        let preprocessed = clock();
        let inputs = self.graph.values(&self.tensors).map_err(|reason| self.failed(reason))?;
        let outputs = self.graph.run_values(inputs).map_err(|reason| self.failed(reason))?;
        let answer = match (&mut self.generator, begin) {
            (Some(generator), Some(begin)) => Some(generator.answer(begin, &outputs, clock)?),
            _ => None,
        };
        let inferred = clock();
        let first_token = answer.as_ref().map(|answer| answer.first_token.saturating_sub(preprocessed));
        let prediction = self.interpret(&outputs, answer)?;
        let finished = clock();
        Ok(Timed {
            prediction,
            preprocess: preprocessed.saturating_sub(started),
            inference: inferred.saturating_sub(preprocessed),
            postprocess: finished.saturating_sub(inferred),
            first_token,
        })
    }

    /// The input tensors of a window. A missing picture is black, a missing sound silent, a missing text all padding.
    ///
    /// # Errors
    /// When the window can't be used, or this is a bare graph.
    pub fn preprocess(&mut self, window: &Window) -> Result<Tensors, ModelError> {
        self.fill(window)?;
        Ok(self.tensors.clone())
    }

    fn fill(&mut self, window: &Window) -> Result<(), ModelError> {
        if self.manifest.is_none() {
            return Err(ModelError::Bare(self.path.clone()));
        }
        self.plans.iter_mut().try_for_each(|plan| plan.fill(window, &mut self.tensors))
    }

    /// Runs the graph alone; of a model that generates, the encoder.
    ///
    /// # Errors
    /// When an input is missing or has another shape, or the graph fails.
    pub fn infer(&mut self, tensors: &Tensors) -> Result<Tensors, ModelError> {
        self.graph.run(tensors).map_err(|reason| self.failed(reason))
    }

    /// What the outputs mean, and the words of an answer.
    fn interpret(&self, outputs: &[Value], answer: Option<Answer>) -> Result<Prediction, ModelError> {
        let outputs = self.graph.tensors(outputs).map_err(|reason| self.failed(reason))?;
        let mut prediction = self.postprocess(&outputs)?;
        if let (Some(generator), Some(answer)) = (&self.generator, answer) {
            let generated = generator.words(answer)?;
            prediction.confidence = generated.confidence();
            prediction.generated = Some(generated);
        }
        Ok(prediction)
    }

    /// What the graph's outputs mean; of a model that generates, those of the encoder.
    ///
    /// # Errors
    /// When this is a bare graph.
    pub fn postprocess(&self, outputs: &Tensors) -> Result<Prediction, ModelError> {
        let manifest = self.manifest.as_ref().ok_or_else(|| ModelError::Bare(self.path.clone()))?;
        let mut prediction = Prediction::default();
        for output in &manifest.outputs {
            let values = || outputs.get(output.name()).map(|tensor| tensor.values.clone()).unwrap_or_default();
            match output {
                Output::Logits { .. } => prediction.logits = values(),
                Output::Embedding { modality, .. } => prediction.embeddings.push((*modality, values())),
                Output::Attention { modalities, .. } => {
                    prediction.attention = modalities.iter().copied().zip(values()).collect();
                }
                Output::State { .. } => {}
            }
        }
        if manifest.task == Task::Classification {
            prediction.probabilities = softmax(&prediction.logits);
            (prediction.class, prediction.confidence) = prediction.best();
        }
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

    /// What the model does; a bare graph doesn't say.
    #[must_use]
    pub fn task(&self) -> Option<Task> {
        self.manifest.as_ref().map(|manifest| manifest.task)
    }

    /// Random tensors of the inputs' shapes, from −1 to 1, whole numbers 0 or 1; the same for the same seed.
    #[must_use]
    pub fn seeded_inputs(&self, seed: u64) -> Tensors {
        seeded_tensors(self.graph.inputs(), seed)
    }

    /// A window of noise that fits the inputs; the same for the same seed.
    #[must_use]
    pub fn seeded_window(&self, seed: u64) -> Window {
        let inputs = self.manifest.iter().flat_map(|manifest| &manifest.inputs);
        seeded_window(inputs.zip(&self.plans), seed)
    }

    /// What runs it: integers where any of its graphs has them.
    #[must_use]
    pub fn engine(&self) -> Engine {
        let on_integers = self.graphs().any(|graph| graph.engine() == Engine::Int8);
        if on_integers { Engine::Int8 } else { Engine::Tract }
    }

    /// The graph, and the decoder of a model that generates.
    fn graphs(&self) -> impl Iterator<Item = &Graph> {
        std::iter::once(&self.graph).chain(self.generator.iter().map(Generator::decoder))
    }

    /// What the model is made of: a model that generates of two graphs, each counted once.
    #[must_use]
    pub fn inspect(&self) -> Inspection {
        let tensors = |ports: &[Port]| ports.iter().map(|port| self.tensor_facts(port)).collect();
        let sum = |pick: fn(&GraphFacts) -> u64| self.graphs().map(|graph| pick(graph.facts())).sum::<u64>();
        let (macs, integer_macs) = (sum(|facts| facts.macs), sum(|facts| facts.integer_macs));
        let decoder_bytes = self.generator.as_ref().map_or(0, |generator| generator.decoder_bytes);
        Inspection {
            task: self.task(),
            inputs: tensors(self.graph.inputs()),
            outputs: tensors(self.graph.outputs()),
            decoder: self.generator.as_ref().map(decoder_facts),
            assumed_dimensions: self.graphs().flat_map(Graph::assumed).cloned().collect(),
            operators_in_file: counted(self.graphs().map(|graph| &graph.facts().operators_in_file)),
            operators_run: counted(self.graphs().map(|graph| &graph.facts().operators_run)),
            macs,
            bytes_moved: self.bytes_moved(),
            parameters: sum(|facts| facts.parameters),
            model_bytes: self.graph_bytes + decoder_bytes,
            quantized: self.graphs().any(|graph| graph.facts().quantized),
            in_float: self.graphs().flat_map(|graph| &graph.facts().in_float).map(float_operator).collect(),
            integer_share_of_macs: (macs > 0).then(|| integer_macs as f64 / macs as f64),
        }
    }

    /// Of all graphs, each run once.
    fn bytes_moved(&self) -> BytesMoved {
        let others = self.graphs().skip(1);
        others.fold(self.graph.facts().bytes_moved.clone(), |sum, graph| sum.and(&graph.facts().bytes_moved))
    }

    fn tensor_facts(&self, port: &Port) -> TensorFacts {
        let manifest = self.manifest.iter();
        let named = |input: &&Input| input.names().any(|name| name == port.name);
        let input = manifest.clone().flat_map(|manifest| &manifest.inputs).find(named);
        let output = manifest.flat_map(|manifest| &manifest.outputs).find(|output| output.name() == port.name);
        let meaning = input.map(|input| meaning_of_input(input, &port.name)).or_else(|| output.map(meaning_of_output));
        facts_of(port, meaning.unwrap_or_default())
    }
}

fn facts_of(port: &Port, meaning: String) -> TensorFacts {
    TensorFacts { name: port.name.clone(), data_type: port.data_type(), shape: port.shape.clone(), meaning }
}

fn decoder_facts(generator: &Generator) -> DecoderFacts {
    let decoder = generator.decoder();
    let tensors = |ports: &[Port]| ports.iter().map(|port| facts_of(port, generator.meaning(&port.name))).collect();
    DecoderFacts {
        inputs: tensors(decoder.inputs()),
        outputs: tensors(decoder.outputs()),
        macs: decoder.facts().macs,
        bytes_moved: decoder.facts().bytes_moved.clone(),
        asks: generator.asks(),
        longest: generator.longest(),
    }
}

/// Counts of several graphs added up.
fn counted<'a>(graphs: impl Iterator<Item = &'a BTreeMap<String, usize>>) -> BTreeMap<String, usize> {
    let mut sum = BTreeMap::new();
    for (name, count) in graphs.flatten() {
        *sum.entry(name.clone()).or_default() += count;
    }
    sum
}

fn float_operator(node: &NodeCoverage) -> FloatOperator {
    FloatOperator {
        name: node.name.clone(),
        operator: node.operator.clone(),
        macs: node.macs,
        reason: node.reason.clone().unwrap_or_default(),
    }
}

fn find<'a>(ports: &'a [Port], name: &str) -> Option<&'a Port> {
    ports.iter().find(|port| port.name == name)
}
