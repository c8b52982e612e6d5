//! Words, one token after the other: the decoder is run once a token and the most probable token is taken.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bundle::MAXIMUM_GRAPH_BYTES;
use crate::dimensions::KnownDimensions;
use crate::error::ModelError;
use crate::execution::Execution;
use crate::files::read_bounded;
use crate::fit::Fit;
use crate::graph::{Graph, GraphError, Port, Value};
use crate::manifest::{Decode, Manifest, Output};
use crate::prediction::{Generated, most_probable, probability_of};
use crate::text::Words;

/// A decoder, ready to answer.
#[derive(Clone, Debug)]
pub(crate) struct Generator {
    path: PathBuf,
    decoder: Graph,
    words: Words,
    plan: Plan,
    /// The decoder's file, in bytes.
    pub decoder_bytes: u64,
}

/// What a decoder is given and asked, as places among its inputs and outputs.
#[derive(Clone, Debug)]
struct Plan {
    /// Where each input of the decoder comes from, in its order.
    sources: Vec<Source>,
    /// Which output holds the logits.
    logits: usize,
    /// What can be asked, with the token that asks it.
    begins: Vec<(String, u32)>,
    end: u32,
    longest: usize,
}

/// Where an input of the decoder comes from.
#[derive(Clone, Debug)]
enum Source {
    /// It is the last token.
    Token,
    /// It is an output of the encoder.
    Encoder(usize),
    /// It is this output of the decoder's last run.
    Carried { output: usize, initial: Initial },
}

/// What a state is before the first run.
#[derive(Clone, Debug)]
enum Initial {
    Zeros(Value),
    Encoder(usize),
}

/// Tokens that were chosen, and when the first of them was.
#[derive(Debug)]
pub(crate) struct Answer {
    tokens: Vec<u32>,
    probabilities: Vec<f32>,
    complete: bool,
    /// The clock's time when the first token was known.
    pub first_token: Duration,
}

impl Generator {
    /// Loads a decoder. `encoder` is the graph that is run before it.
    ///
    /// # Errors
    /// When it can't be loaded, lacks a tokenizer, or contradicts the manifest.
    pub fn load(
        path: &Path,
        directory: &Path,
        manifest: &Manifest,
        decode: &Decode,
        encoder: &Graph,
        execution: Execution,
    ) -> Result<Self, ModelError> {
        let bytes = read_bounded(path, MAXIMUM_GRAPH_BYTES)?;
        let decoder = Graph::load(&bytes, execution, &known_dimensions(decode, encoder))
            .map_err(|reason| ModelError::Graph { path: path.to_owned(), reason })?;
        let words = Words::open(&directory.join(&decode.tokenizer))?;
        let wiring = Wiring { fit: Fit { path, graph: &decoder }, decode, encoder };
        let plan = wiring.plan(manifest, &words)?;
        Ok(Self { path: path.to_owned(), decoder, words, plan, decoder_bytes: bytes.len() as u64 })
    }

    /// The decoder.
    pub const fn decoder(&self) -> &Graph {
        &self.decoder
    }

    /// What can be asked, the default first.
    pub fn asks(&self) -> Vec<String> {
        self.plan.begins.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Tokens of an answer at most.
    pub const fn longest(&self) -> usize {
        self.plan.longest
    }

    /// What an input or output of the decoder is, in words.
    pub fn meaning(&self, port: &str) -> String {
        let source = place(self.decoder.inputs(), port).and_then(|place| self.plan.sources.get(place));
        let output = place(self.decoder.outputs(), port);
        let carried = |source: &Source| matches!(source, Source::Carried { output: from, .. } if Some(*from) == output);
        match source {
            Some(Source::Token) => "the last token".to_owned(),
            Some(Source::Encoder(_)) => "from the encoder".to_owned(),
            Some(Source::Carried { .. }) => "state".to_owned(),
            None if output == Some(self.plan.logits) => "logits of the next token".to_owned(),
            None if self.plan.sources.iter().any(carried) => "state for the next token".to_owned(),
            None => String::new(),
        }
    }

    /// The token that asks for `ask`, or for the first thing that can be asked.
    ///
    /// # Errors
    /// When the model can't be asked for that.
    pub fn begin(&self, ask: Option<&str>) -> Result<u32, ModelError> {
        let begins = &self.plan.begins;
        let found = match ask {
            Some(ask) => begins.iter().find(|(name, _)| name == ask),
            None => begins.first(),
        };
        let refused = || ModelError::Ask { asked: ask.unwrap_or_default().to_owned(), known: self.asks().join(", ") };
        found.map(|(_, token)| *token).ok_or_else(refused)
    }

    /// Answers, given the encoder's outputs in its order.
    ///
    /// # Errors
    /// When the decoder fails, or gives logits that aren't numbers.
    pub fn answer(
        &mut self,
        begin: u32,
        encoded: &[Value],
        clock: &dyn Fn() -> Duration,
    ) -> Result<Answer, ModelError> {
        let failed = |reason| ModelError::Graph { path: self.path.clone(), reason };
        Speech::new(&mut self.decoder, &self.plan, encoded).answer(begin, clock).map_err(failed)
    }

    /// How probable each of these tokens is after those before it, and last the end.
    ///
    /// # Errors
    /// When the decoder fails, or gives logits that aren't numbers.
    pub fn probabilities(&mut self, begin: u32, encoded: &[Value], tokens: &[u32]) -> Result<Vec<f32>, ModelError> {
        let failed = |reason| ModelError::Graph { path: self.path.clone(), reason };
        Speech::new(&mut self.decoder, &self.plan, encoded).probabilities(begin, tokens).map_err(failed)
    }

    /// The words of an answer.
    ///
    /// # Errors
    /// When the tokenizer fails on them.
    pub fn words(&self, answer: Answer) -> Result<Generated, ModelError> {
        let text = self.words.decode(&answer.tokens)?;
        let Answer { tokens, probabilities, complete, .. } = answer;
        Ok(Generated { text, tokens, probabilities, complete })
    }
}

/// A decoder in the middle of an answer.
struct Speech<'a> {
    decoder: &'a mut Graph,
    plan: &'a Plan,
    encoded: &'a [Value],
    /// What the last run gave. States go from one run to the next by reference: nothing is copied.
    carried: Vec<Value>,
    runs: usize,
}

impl<'a> Speech<'a> {
    const fn new(decoder: &'a mut Graph, plan: &'a Plan, encoded: &'a [Value]) -> Self {
        Self { decoder, plan, encoded, carried: Vec::new(), runs: 0 }
    }

    /// Each time the most probable token, to the end.
    fn answer(mut self, begin: u32, clock: &dyn Fn() -> Duration) -> Result<Answer, GraphError> {
        let (mut token, mut probability) = self.run(begin, most_probable)?;
        let (tokens, probabilities, first_token) = (Vec::new(), Vec::new(), clock());
        let mut answer = Answer { tokens, probabilities, complete: false, first_token };
        while token != self.plan.end && answer.tokens.len() < self.plan.longest {
            answer.tokens.push(token);
            answer.probabilities.push(probability);
            (token, probability) = self.run(token, most_probable)?;
        }
        answer.complete = token == self.plan.end;
        answer.probabilities.extend(answer.complete.then_some(probability));
        Ok(answer)
    }

    fn probabilities(mut self, begin: u32, tokens: &[u32]) -> Result<Vec<f32>, GraphError> {
        let said = std::iter::once(&begin).chain(tokens);
        let wanted = tokens.iter().chain(std::iter::once(&self.plan.end));
        let pairs: Vec<(u32, u32)> = said.copied().zip(wanted.copied()).collect();
        pairs.into_iter().map(|(said, wanted)| self.run(said, |logits| probability_of(logits, wanted))).collect()
    }

    /// Runs the decoder once after `token`, and tells what `look` finds in the logits of the next.
    fn run<T>(&mut self, token: u32, look: impl FnOnce(&[f32]) -> Option<T>) -> Result<T, GraphError> {
        let inputs = self.plan.inputs(self.decoder.inputs(), token, self.encoded, &self.carried)?;
        self.carried = self.decoder.run_values(inputs)?;
        self.runs += 1;
        let found = self.carried.get(self.plan.logits).map(|logits| logits.floats(look)).transpose()?.flatten();
        found.ok_or_else(|| GraphError::NotNumbers {
            output: self.decoder.outputs().get(self.plan.logits).map(|port| port.name.clone()).unwrap_or_default(),
            token: self.runs,
        })
    }
}

impl Plan {
    /// The inputs of the next run, in the decoder's order; `carried` is what the last run gave, empty before the first.
    fn inputs(
        &self,
        ports: &[Port],
        token: u32,
        encoded: &[Value],
        carried: &[Value],
    ) -> Result<Vec<Value>, GraphError> {
        let missing = |place: usize| GraphError::Run(format!("it gave fewer outputs than it has: {place}"));
        let at = |values: &[Value], place: usize| values.get(place).cloned().ok_or_else(|| missing(place));
        let input = |(port, source): (&Port, &Source)| match source {
            Source::Token => Value::of_number(port, token),
            Source::Encoder(place) => at(encoded, *place),
            Source::Carried { output, .. } if !carried.is_empty() => at(carried, *output),
            Source::Carried { initial: Initial::Encoder(place), .. } => at(encoded, *place),
            Source::Carried { initial: Initial::Zeros(zeros), .. } => Ok(zeros.clone()),
        };
        ports.iter().zip(&self.sources).map(input).collect()
    }
}

/// What is known of the decoder's inputs before it is read: they are the encoder's outputs, but for the token.
fn known_dimensions(decode: &Decode, encoder: &Graph) -> KnownDimensions {
    let mut known = KnownDimensions::default();
    for port in encoder.outputs() {
        known.shapes.insert(port.name.clone(), port.shape.clone());
    }
    for carried in &decode.state {
        let initial = encoder.outputs().iter().find(|port| Some(&port.name) == carried.initial.as_ref());
        known.shapes.extend(initial.map(|port| (carried.input.clone(), port.shape.clone())));
    }
    known.shapes.insert(decode.token.clone(), vec![1]);
    known
}

/// Finds where everything comes from, and that it fits.
struct Wiring<'a> {
    fit: Fit<'a>,
    decode: &'a Decode,
    encoder: &'a Graph,
}

impl Wiring<'_> {
    fn plan(&self, manifest: &Manifest, words: &Words) -> Result<Plan, ModelError> {
        let decoder = self.fit.graph;
        let token = self.fit.port(decoder.inputs(), &self.decode.token, "decode.token")?;
        let has = format!("`{}` of shape {:?} and type {}", token.name, token.shape, token.data_type());
        let one = token.values() == 1 && token.is_integer();
        self.fit.demand(one, "decode.token", "one whole number", &has)?;
        for carried in &self.decode.state {
            self.fit.port(decoder.inputs(), &carried.input, "decode.state.input")?;
        }
        let sources = decoder.inputs().iter().map(|port| self.source(port)).collect::<Result<_, _>>()?;
        self.check_states(manifest)?;
        let begin =
            |(name, token): &(String, String)| Ok((name.clone(), words.id(token, &format!("decode.begin.{name}"))?));
        let begins = self.decode.begin.0.iter().map(begin).collect::<Result<_, ModelError>>()?;
        let end = words.id(&self.decode.end, "decode.end")?;
        Ok(Plan { sources, logits: self.logits(end)?, begins, end, longest: self.decode.longest })
    }

    /// The place of the logits, which are one number a token.
    fn logits(&self, end: u32) -> Result<usize, ModelError> {
        let outputs = self.fit.graph.outputs();
        let port = self.fit.port(outputs, &self.decode.logits, "decode.logits")?;
        let has = format!("shape {:?} for `{}`", port.shape, port.name);
        let one_row = port.shape.last() == Some(&port.values());
        self.fit.demand(one_row, "decode.logits", "one number a token", &has)?;
        let reached = (end as usize) < port.values();
        self.fit.demand(reached, "decode.end", &format!("token {end}"), &has)?;
        Ok(place(outputs, &port.name).unwrap_or_default())
    }

    fn source(&self, port: &Port) -> Result<Source, ModelError> {
        if port.name == self.decode.token {
            return Ok(Source::Token);
        }
        if let Some(carried) = self.decode.state.iter().find(|carried| carried.input == port.name) {
            let outputs = self.fit.graph.outputs();
            let output = self.fit.port(outputs, &carried.output, "decode.state.output")?;
            self.same(&format!("decode.state.{}", port.name), output, port)?;
            let output = place(outputs, &output.name).unwrap_or_default();
            return Ok(Source::Carried { output, initial: self.initial(port, carried.initial.as_deref())? });
        }
        let known = place(self.encoder.outputs(), &port.name);
        let has = format!("an input `{}` that is neither the token, a state nor an output of the encoder", port.name);
        self.fit.demand(known.is_some(), "decode", "nothing of it", &has)?;
        self.encoder_output(port, &port.name, "decode").map(Source::Encoder)
    }

    fn initial(&self, port: &Port, name: Option<&str>) -> Result<Initial, ModelError> {
        match name {
            Some(name) => self.encoder_output(port, name, "decode.state.initial").map(Initial::Encoder),
            None => {
                let failed = |reason| ModelError::Graph { path: self.fit.path.to_owned(), reason };
                Value::zeros(port).map(Initial::Zeros).map_err(failed)
            }
        }
    }

    /// The place of an output of the encoder that fits an input of the decoder.
    fn encoder_output(&self, port: &Port, name: &str, field: &str) -> Result<usize, ModelError> {
        let outputs = self.encoder.outputs();
        let output = self.fit.port(outputs, name, field)?;
        self.same(&format!("{field}.{name}"), output, port)?;
        Ok(place(outputs, name).unwrap_or_default())
    }

    /// What comes from one place is as it is in the other.
    fn same(&self, field: &str, from: &Port, port: &Port) -> Result<(), ModelError> {
        let words = |port: &Port| format!("`{}` of shape {:?} and type {}", port.name, port.shape, port.data_type());
        let same = from.shape == port.shape && from.data_type() == port.data_type();
        self.fit.demand(same, field, &words(from), &words(port))
    }

    /// Every state that the manifest says the encoder gives is taken.
    fn check_states(&self, manifest: &Manifest) -> Result<(), ModelError> {
        for output in &manifest.outputs {
            let Output::State { name } = output else { continue };
            let begins = self.decode.state.iter().any(|carried| carried.initial.as_ref() == Some(name));
            let taken = begins || place(self.fit.graph.inputs(), name).is_some();
            let has = "no input of that name in the decoder, and no state that begins with it";
            self.fit.demand(taken, &format!("output.{name}"), "kind state", has)?;
        }
        Ok(())
    }
}

fn place(ports: &[Port], name: &str) -> Option<usize> {
    ports.iter().position(|port| port.name == name)
}
