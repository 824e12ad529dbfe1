"""Lays one picture over another: shift, width, height, brightness and contrast are fitted.

Gauss-Newton on a warp without rotation (Lucas and Kanade, "An iterative image registration technique", IJCAI
1981), with a gain and an offset fitted beside it (Baker, Gross, Matthews, "Lucas-Kanade 20 years on", part 3,
2003), from coarse to fine and from a few scales.
"""

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, conv2d, grid_sample, pad

LEAST_OVERLAP = 0.5  # of the first picture
SMALLEST, LARGEST = 0.6, 1.7  # scale; beyond it a picture is a detail of another
DAMPING = 1e-4
FARTHEST = 0.2  # of half a side, in one step


def scaled(count: int, scale: float) -> Tensor:
    """As many warps `(b, 2, 3)` that do nothing but scale."""
    warp = torch.zeros(count, 2, 3)
    warp[:, 0, 0] = warp[:, 1, 1] = scale
    return warp


def refined(warp: Tensor, first: Tensor, second: Tensor, *, steps: int) -> Tensor:
    """The warp after some Gauss-Newton steps on pictures `(b, 1, s, s)`."""
    target, sources = first.flatten(1)[:, :, None], with_slopes(second)
    gain = torch.ones(len(first), 1, 1)
    places = coordinates(first.shape[-1])
    for _ in range(steps):
        grid = affine_grid(warp, list(first.shape), align_corners=False)
        sampled = grid_sample(sources, grid, align_corners=False, padding_mode="border").flatten(2)
        value, slopes = sampled[:, :1], sampled[:, 1:]
        moves = gain * torch.cat((slopes * places, slopes), dim=1)
        columns = torch.cat((moves, value, torch.ones_like(value)), dim=1)
        step = least_squares(columns, target, weight=inside(grid))
        move = step[:, :4].clamp(-FARTHEST, FARTHEST)
        warp = warp + torch.cat((torch.diag_embed(move[:, :2]), move[:, 2:, None]), dim=2)
        gain = step[:, 4:5, None].clamp(0.2, 5)
    return warp


def least_squares(columns: Tensor, target: Tensor, *, weight: Tensor) -> Tensor:
    """Coefficients `(b, k)` of columns `(b, k, p)` for a target `(b, p, 1)` under weights `(b, p)`."""
    weighted = columns * weight[:, None]
    square = weighted @ columns.mT
    diagonal = square.diagonal(dim1=1, dim2=2)
    square = square + torch.diag_embed(DAMPING * diagonal + 1e-6)
    found: Tensor = torch.linalg.solve(square, weighted @ target)
    return found[:, :, 0]


def with_slopes(pictures: Tensor) -> Tensor:
    """Values and derivatives along x and y `(b, 3, s, s)`, the unit being half a side."""
    wide = pad(pictures, (1, 1, 1, 1), mode="replicate")
    half = pictures.shape[-1] / 4
    along_x = (wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2]) * half
    along_y = (wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]) * half
    return torch.cat((pictures, along_x, along_y), dim=1)


def coordinates(side: int) -> Tensor:
    """Place along x and y of every pixel `(2, side * side)`, from -1 to 1."""
    line = (torch.arange(side) + 0.5) * 2 / side - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack((x.flatten(), y.flatten()))


def inside(grid: Tensor) -> Tensor:
    """Whether each place `(b, p)` of a grid `(b, s, s, 2)` lies in the picture, as 0 or 1."""
    return (grid.abs() <= 1).all(dim=3).flatten(1).float()


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    """Pictures `(b, 1, s, s)` under a Gaussian of so many pixels."""
    reach = round(3 * sigma)
    line = torch.exp(-(torch.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    line = line / line.sum()
    wide = pad(pictures, (reach, reach, reach, reach), mode="replicate")
    return conv2d(conv2d(wide, line[None, None, None, :]), line[None, None, :, None])


def correlation(first: Tensor, second: Tensor, warp: Tensor) -> Tensor:
    """Pearson correlation `(b,)` of first and warped second pictures; 0 where they hardly overlap."""
    grid = affine_grid(warp, list(first.shape), align_corners=False)
    weight = inside(grid)
    target = first.flatten(1)
    value = grid_sample(second, grid, align_corners=False, padding_mode="border").flatten(1)
    total = weight.sum(dim=1, keepdim=True).clamp_min(1)
    target = (target - (weight * target).sum(dim=1, keepdim=True) / total) * weight
    value = (value - (weight * value).sum(dim=1, keepdim=True) / total) * weight
    scale = torch.sqrt((target**2).sum(dim=1) * (value**2).sum(dim=1)).clamp_min(1e-9)
    size = torch.linalg.det(warp[:, :, :2]).abs().sqrt()
    sound = (weight.mean(dim=1) >= LEAST_OVERLAP) & (size >= SMALLEST) & (size <= LARGEST)
    return torch.where(sound, (target * value).sum(dim=1) / scale, 0.0)
