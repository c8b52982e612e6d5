//! Which nodes run together on integers: maximal regions that no path leaves and enters again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::dynamic::{self, Dynamic};
use super::file::{File, Quantized};
use super::lower::{Tensor, Unit, lower};

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
        items.insert(place, item);
    }
    (items.into_values().collect(), reasons)
}

fn item(file: &File<'_>, place: usize, reasons: &mut BTreeMap<usize, String>) -> Item {
    let node = &file.graph.node[place];
    let names = |names: &[String]| names.iter().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>();
    let plain = |kind| Item { place, kind, inputs: names(&node.input), outputs: names(&node.output), region: None };
    let first = |kind| Item { inputs: node.input[..1].to_vec(), ..plain(kind) };
    match node.op_type.as_str() {
        "QuantizeLinear" => match lower(file, node) {
            Ok(unit) => Item { inputs: sources(&unit), ..plain(ItemKind::Unit(unit)) },
            Err(reason) => {
                if let Some(maker) = file.maker_place(&node.input[0]) {
                    reasons.insert(maker, reason);
                }
                match file.parameters(node, &node.output[0]) {
                    Some(quantized) => first(ItemKind::Enter(quantized)),
                    None => plain(ItemKind::Other),
                }
            }
        },
        "DequantizeLinear" => match file.dequantized(&node.output[0]) {
            Some(quantized) => first(ItemKind::Leave(quantized)),
            None => plain(ItemKind::Other),
        },
        "DynamicQuantizeLinear" | "ConvInteger" | "MatMulInteger" => match dynamic::lower(file, node) {
            Ok(dynamic) => Item { inputs: dynamic.inputs(node), ..plain(ItemKind::Dynamic(dynamic)) },
            Err(reason) => {
                reasons.insert(place, reason);
                plain(ItemKind::Other)
            }
        },
        _ => plain(ItemKind::Other),
    }
}

/// The tensors of the file that a unit takes.
fn sources(unit: &Unit) -> Vec<String> {
    let inputs = unit.steps.iter().flat_map(|step| &step.inputs);
    let names = inputs.filter_map(|input| match input {
        Tensor::Named(quantized, _) => Some(quantized.name.clone()),
        _ => None,
    });
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Puts items into regions, and tells how many there are.
///
/// Every item has an epoch: one of a region is in the epoch of what it takes from regions, and after the epoch of what it
/// takes from outside. So a path that leaves an epoch's region never comes back to it.
pub fn assign_regions(items: &mut [Item]) -> usize {
    let mut epochs: HashMap<String, (usize, bool)> = HashMap::new();
    let mut by_epoch: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        let eligible = !matches!(item.kind, ItemKind::Other);
        let made = item.inputs.iter().filter_map(|name| epochs.get(name));
        let after = |(epoch, inside): &(usize, bool)| epoch + usize::from(eligible && !inside);
        let epoch = made.map(after).max().unwrap_or(usize::from(eligible));
        epochs.extend(item.outputs.iter().map(|name| (name.clone(), (epoch, eligible))));
        if eligible {
            by_epoch.entry(epoch).or_default().push(at);
        }
    }
    let computes = |at: &usize| matches!(items[*at].kind, ItemKind::Unit(_) | ItemKind::Dynamic(_));
    // Quantizing and dequantizing alone is no work for a region.
    let regions: Vec<Vec<usize>> = by_epoch.into_values().filter(|members| members.iter().any(computes)).collect();
    for (region, members) in regions.iter().enumerate() {
        members.iter().for_each(|at| items[*at].region = Some(region));
    }
    regions.len()
}
