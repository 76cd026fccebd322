"""Every residual function on a GPU."""

from copy import deepcopy

import pytest
import torch

from tests.residual.rounding import DTYPE_PAIRS
from tests.residual.variants import FEATURES, MakeResidual, every_variant

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@every_variant
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("x_dtype", "y_dtype"), DTYPE_PAIRS, ids=str)
def test_gpu_gives_what_the_cpu_gives(
    make: MakeResidual, x_dtype: torch.dtype, y_dtype: torch.dtype, transposed: bool
) -> None:
    module = make()
    x = torch.randn(2, FEATURES, FEATURES).to(x_dtype)
    y = torch.randn(2, FEATURES, FEATURES).to(y_dtype)
    expected = module(x, y, transposed)
    result = deepcopy(module).cuda()(x.cuda(), y.cuda(), transposed)
    assert result.dtype == expected.dtype
    tolerance = 8 * max(torch.finfo(x_dtype).eps, torch.finfo(y_dtype).eps)
    torch.testing.assert_close(result.cpu(), expected, rtol=tolerance, atol=tolerance)
