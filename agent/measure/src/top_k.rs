//! Whether the right answer is among the first few.

/// Share of samples whose true class is among the `k` most probable, 0 to 1; of equally probable classes the one with the higher
/// number comes first. scikit-learn's `top_k_accuracy_score`.
///
/// A row of `probabilities` for each sample, a column for each class; a class without a column is never among them. `None`
/// without samples or when they aren't as many.
#[must_use]
pub fn top_k_accuracy(probabilities: &[Vec<f64>], truths: &[usize], k: usize) -> Option<f64> {
    let among_first = |(row, &truth): (&Vec<f64>, &usize)| {
        let before = |own: f64| row.iter().enumerate().filter(|&(class, &p)| (p, class) > (own, truth)).count();
        row.get(truth).is_some_and(|&own| before(own) < k)
    };
    let found = probabilities.iter().zip(truths).filter(|&pair| among_first(pair)).count();
    (!truths.is_empty() && probabilities.len() == truths.len()).then(|| found as f64 / truths.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_answers_find_more() {
        let rows = [vec![0.2, 0.5, 0.3], vec![0.6, 0.3, 0.1]];
        let found = |k| top_k_accuracy(&rows, &[2, 2], k);
        assert_eq!((found(0), found(1), found(2), found(3)), (Some(0.0), Some(0.0), Some(0.5), Some(1.0)));
    }

    #[test]
    fn of_ties_the_higher_class_is_first() {
        let even = [vec![0.5, 0.5]];
        assert_eq!((top_k_accuracy(&even, &[0], 1), top_k_accuracy(&even, &[1], 1)), (Some(0.0), Some(1.0)));
    }

    #[test]
    fn what_isn_t_there_isn_t_found() {
        assert_eq!(top_k_accuracy(&[vec![1.0]], &[5], 1), Some(0.0));
        assert_eq!((top_k_accuracy(&[], &[], 1), top_k_accuracy(&[vec![1.0]], &[], 1)), (None, None));
    }
}
