#: title = "honest: fewer steps"
#: verdict = "keep"
#: layer = "-"
cat > count/sort.py <<'EOF'
"""Sorting by merging."""


def sort(numbers):
    """The sorted numbers, how many comparisons that took, and how many exchanges."""
    if len(numbers) < 2:
        return numbers, 0, 0
    middle = len(numbers) // 2
    left, steps, swaps = sort(numbers[:middle])
    right, more, others = sort(numbers[middle:])
    merged, steps, swaps = [], steps + more, swaps + others
    while left and right:
        steps += 1
        merged.append((left if left[0] <= right[0] else right).pop(0))
    return merged + left + right, steps, swaps
EOF
