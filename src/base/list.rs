//! A list that cannot be empty, for everything where "none" would silently mean "all is well".

/// At least one `T`, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonEmpty<T>(Vec<T>);

impl<T> NonEmpty<T> {
    pub fn one(first: T) -> Self {
        Self(vec![first])
    }

    /// `None` when `items` is empty.
    pub fn from_vec(items: Vec<T>) -> Option<Self> {
        (!items.is_empty()).then_some(Self(items))
    }

    pub(crate) fn first(&self) -> &T {
        self.0.first().expect("a NonEmpty is made with at least one item")
    }

    /// The last item, which is the first one in a list of one.
    pub fn last(&self) -> &T {
        self.0.last().expect("a NonEmpty is made with at least one item")
    }

    /// All items, in order.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// All items, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// How many; at least 1.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The same list with every item replaced.
    pub fn map<U>(&self, change: impl FnMut(&T) -> U) -> NonEmpty<U> {
        NonEmpty(self.0.iter().map(change).collect())
    }

    pub(crate) fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<'a, T> IntoIterator for &'a NonEmpty<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
