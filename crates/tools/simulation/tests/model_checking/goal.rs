//! Checks that no state is stuck: each state can reach a good end.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hasher as _},
};

use stateright::Model;

/// Returns the first state that cannot reach a `good` one, if any, and the number of states.
pub fn stuck<M: Model>(model: &M, good: impl Fn(&M::State) -> bool) -> (Option<M::State>, usize)
where
    M::State: Clone + std::hash::Hash,
{
    let (mut known, mut from, mut good_ones) = (HashMap::new(), Vec::<Vec<u32>>::new(), VecDeque::new());
    let mut queue: VecDeque<M::State> = VecDeque::new();
    let mut visit = |state: M::State, before: Option<u32>, queue: &mut VecDeque<M::State>| {
        let next = u32::try_from(known.len()).expect("fewer states than that");
        let place = *known.entry(fingerprint(&state)).or_insert(next);
        if place == next {
            from.push(Vec::new());
            if good(&state) {
                good_ones.push_back(place);
            }
            queue.push_back(state);
        }
        from[place as usize].extend(before);
        place
    };
    for state in model.init_states() {
        visit(state, None, &mut queue);
    }
    let (mut actions, mut place) = (Vec::new(), 0);
    while let Some(state) = queue.pop_front() {
        model.actions(&state, &mut actions);
        for action in actions.drain(..) {
            if let Some(next) = model.next_state(&state, action) {
                visit(next, Some(place), &mut queue);
            }
        }
        place += 1;
    }
    let count = known.len();
    let mut reaches = vec![false; count];
    while let Some(place) = good_ones.pop_front() {
        if !std::mem::replace(&mut reaches[place as usize], true) {
            good_ones.extend(&from[place as usize]);
        }
    }
    (reaches.iter().position(|reaches| !reaches).and_then(|place| nth(model, place)), count)
}

fn fingerprint<S: std::hash::Hash>(state: &S) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

/// Returns the state number `place` by repeating the search.
fn nth<M: Model>(model: &M, place: usize) -> Option<M::State>
where
    M::State: Clone + std::hash::Hash,
{
    let mut known = std::collections::HashSet::new();
    let mut all: VecDeque<M::State> = model.init_states().into();
    all.retain(|state| known.insert(fingerprint(state)));
    let (mut actions, mut at) = (Vec::new(), 0);
    while let Some(state) = all.pop_front() {
        if at == place {
            return Some(state);
        }
        model.actions(&state, &mut actions);
        for action in actions.drain(..) {
            all.extend(model.next_state(&state, action).filter(|next| known.insert(fingerprint(next))));
        }
        at += 1;
    }
    None
}
