//! Which nodes run together on integers: maximal regions that no path leaves and enters again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::assemble::{Port, assemble};
use super::dynamic::{self, Dynamic};
use super::file::{File, Quantized};
use super::lower::{Call, Step, Tensor, Unit, floats, lower};
use super::nested;
use crate::check::check;

/// What makes values, in an order in which it can run.
#[derive(Debug)]
pub struct Item {
    /// The place of its node in the file (of a unit: of the node that quantizes its output).
    pub place: usize,
    /// What it does.
    pub kind: ItemKind,
    /// Names of what it takes.
    pub inputs: Vec<String>,
    /// Names of what it makes.
    pub outputs: Vec<String>,
    /// The region that it belongs to, from 0; none runs in tract.
    pub region: Option<usize>,
}

/// What an item does.
#[derive(Debug)]
pub enum ItemKind {
    /// Bytes from bytes.
    Unit(Unit),
    /// Integers from floats or bytes, by parameters that are computed while running.
    Dynamic(Dynamic),
    /// Bytes from floats.
    Enter(Quantized),
    /// Floats from bytes.
    Leave(Quantized),
    /// Floats from floats.
    Float(Vec<Step>),
    /// Stays with tract.
    Other,
}

/// The items that a graph's outputs need, and for nodes that couldn't be lowered, why.
pub fn items(file: &File<'_>) -> (Vec<Item>, BTreeMap<usize, String>) {
    let mut reasons = BTreeMap::new();
    let mut items: BTreeMap<usize, Item> = BTreeMap::new();
    let mut wanted: Vec<String> = file.graph.output.iter().map(|output| output.name.clone()).collect();
    while let Some(name) = wanted.pop() {
        let Some(place) = file.maker_place(&name).filter(|place| !items.contains_key(place)) else { continue };
        let item = item(file, place, &mut reasons);
        wanted.extend(item.inputs.iter().cloned());
        // Outside of regions a border reads its scale, too.
        if matches!(item.kind, ItemKind::Enter(_) | ItemKind::Leave(_)) {
            wanted.extend(file.graph.node[place].input.iter().cloned());
        }
        items.insert(place, item);
    }
    (items.into_values().collect(), reasons)
}

/// A node as it can run, and where that isn't on integers, why.
fn item(file: &File<'_>, place: usize, reasons: &mut BTreeMap<usize, String>) -> Item {
    let node = &file.graph.node[place];
    let mut because = |at: Option<usize>, reason: String| at.map(|at| reasons.insert(at, reason));
    match node.op_type.as_str() {
        "QuantizeLinear" if file.constant(&node.output[0]).is_none() => match unit(file, place) {
            Ok(item) => return item,
            Err(reason) => because(file.maker_place(&node.input[0]), reason),
        },
        "DynamicQuantizeLinear" | "ConvInteger" | "MatMulInteger" => match integers(file, place) {
            Ok(item) => return item,
            Err(reason) => because(Some(place), reason),
        },
        _ => None,
    };
    let inside = border(file, place).or_else(|| float(file, place));
    inside.unwrap_or_else(|| Item::new(file, place, ItemKind::Other, nested::reads(node)))
}

impl Item {
    fn new(file: &File<'_>, place: usize, kind: ItemKind, inputs: Vec<&String>) -> Self {
        let outputs = file.graph.node[place].output.iter().filter(|name| !name.is_empty()).cloned().collect();
        Self { place, kind, inputs: inputs.into_iter().cloned().collect(), outputs, region: None }
    }

    /// Itself, when a region of it alone holds together, and its borders are as they are in the file.
    fn checked(self, file: &File<'_>) -> Result<Self, String> {
        let region = assemble(file, &[&self], &self.outputs.iter().cloned().collect())?;
        check(&region.graph).map_err(|error| error.to_string())?;
        let agrees = |port: &Port| {
            file.shape(&port.name).is_ok_and(|shape| shape == port.shape)
                && file.datum_type(&port.name) == Some(port.datum_type)
        };
        let wrong = region.inputs.iter().chain(&region.outputs).find(|port| !agrees(port));
        wrong.map_or(Ok(self), |port| Err(format!("`{}` has another type or shape than it needs", port.name)))
    }
}

/// What makes bytes of bytes.
fn unit(file: &File<'_>, place: usize) -> Result<Item, String> {
    let unit = lower(file, &file.graph.node[place])?;
    let inputs = sources(&unit.steps);
    Item::new(file, place, ItemKind::Unit(unit), inputs.iter().collect()).checked(file)
}

/// Integers by parameters that are computed while running.
fn integers(file: &File<'_>, place: usize) -> Result<Item, String> {
    let node = &file.graph.node[place];
    let dynamic = dynamic::lower(file, node)?;
    let inputs = dynamic.inputs(node);
    Item::new(file, place, ItemKind::Dynamic(dynamic), inputs.iter().collect()).checked(file)
}

/// What turns floats into bytes or back.
fn border(file: &File<'_>, place: usize) -> Option<Item> {
    let node = &file.graph.node[place];
    let kind = match node.op_type.as_str() {
        "QuantizeLinear" => ItemKind::Enter(file.parameters(node, &node.output[0])?),
        "DequantizeLinear" => ItemKind::Leave(file.dequantized(&node.output[0])?),
        _ => return None,
    };
    Item::new(file, place, kind, vec![&node.input[0]]).checked(file).ok()
}

/// Floats between quantized parts.
fn float(file: &File<'_>, place: usize) -> Option<Item> {
    let node = &file.graph.node[place];
    let steps = floats(&Call { file, node, value: node.output.first()? }).ok()?;
    let inputs = sources(&steps);
    Item::new(file, place, ItemKind::Float(steps), inputs.iter().collect()).checked(file).ok()
}

/// The tensors of the file that steps take.
fn sources(steps: &[Step]) -> Vec<String> {
    let inputs = steps.iter().flat_map(|step| &step.inputs);
    let names = inputs.filter_map(|input| match input {
        Tensor::Named(Quantized { name, .. }, _) | Tensor::Raw(name, ..) => Some(name.clone()),
        Tensor::Made(_) | Tensor::Constant(..) | Tensor::Floats(..) => None,
    });
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Puts items into regions, and tells how many there are.
///
/// Every item has an epoch: one of a region is in the epoch of what it takes from regions, and after the epoch of what it
/// takes from outside. So a path that leaves an epoch never comes back to it. Within an epoch, what shares no tensor is a region
/// each, and so is what hangs on other `inputs` of the file: who runs a graph again with one input changed can leave out what
/// doesn't hang on it. A path may lead from a region to one that hangs on more, and so never back.
pub fn assign_regions(items: &mut [Item], inputs: &[&str]) -> usize {
    let mut made: HashMap<String, Origin> =
        inputs.iter().map(|name| ((*name).to_owned(), Origin::of_input(name))).collect();
    let mut by_origin: BTreeMap<(usize, BTreeSet<String>), Vec<usize>> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        let inside = !matches!(item.kind, ItemKind::Other);
        let origin = Origin::after(item.inputs.iter().filter_map(|name| made.get(name)), inside);
        made.extend(item.outputs.iter().map(|name| (name.clone(), origin.clone())));
        if inside {
            by_origin.entry((origin.epoch, origin.reach)).or_default().push(at);
        }
    }
    let computes = |at: &usize| matches!(items[*at].kind, ItemKind::Unit(_) | ItemKind::Dynamic(_));
    // Quantizing and dequantizing, or floats alone, are no work for a region.
    let connected = by_origin.into_values().flat_map(|members| connected(items, &members));
    let regions: Vec<Vec<usize>> = connected.filter(|members| members.iter().any(computes)).collect();
    for (region, members) in regions.iter().enumerate() {
        members.iter().for_each(|at| items[*at].region = Some(region));
    }
    regions.len()
}

/// Where a value comes from.
#[derive(Clone, Debug)]
struct Origin {
    epoch: usize,
    /// Whether something that a region may hold makes it.
    inside: bool,
    /// The inputs of the file that it hangs on.
    reach: BTreeSet<String>,
}

impl Origin {
    fn of_input(name: &str) -> Self {
        Self { epoch: 0, inside: false, reach: BTreeSet::from([name.to_owned()]) }
    }

    /// The origin of what is made of others.
    fn after<'a>(others: impl Iterator<Item = &'a Self>, inside: bool) -> Self {
        let mut origin = Self { epoch: usize::from(inside), inside, reach: BTreeSet::new() };
        for other in others {
            origin.epoch = origin.epoch.max(other.epoch + usize::from(inside && !other.inside));
            origin.reach.extend(other.reach.iter().cloned());
        }
        origin
    }
}

/// Members parted into those that share tensors, directly or by way of others; each part in the order of the members.
fn connected(items: &[Item], members: &[usize]) -> Vec<Vec<usize>> {
    let mut group: Vec<usize> = (0..members.len()).collect();
    let mut users: HashMap<&str, usize> = HashMap::new();
    for (index, at) in members.iter().enumerate() {
        for name in items[*at].inputs.iter().chain(&items[*at].outputs) {
            let earlier = *users.entry(name).or_insert(index);
            let (one, other) = (root(&mut group, earlier), root(&mut group, index));
            group[one.max(other)] = one.min(other);
        }
    }
    let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, at) in members.iter().enumerate() {
        parts.entry(root(&mut group, index)).or_default().push(*at);
    }
    parts.into_values().collect()
}

/// The first of a member's group; the way to it is made shorter (Tarjan 1975).
fn root(group: &mut [usize], mut index: usize) -> usize {
    while group[index] != index {
        group[index] = group[group[index]];
        index = group[index];
    }
    index
}
