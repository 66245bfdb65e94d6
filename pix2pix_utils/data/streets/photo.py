"""Step 3: light a painted canvas and photograph it."""

from functools import cache

import numpy as np
from PIL import ImageFilter

from pix2pix_utils.data.streets.canvas import GROUND, UPRIGHT, Canvas, Kind
from pix2pix_utils.data.streets.scene import FOCAL_U, FOCAL_V, NEAR, float32


@cache
def _noise(smooth: float) -> np.ndarray:
    """A table of 512 x 512 random values that tiles without a seam: mean 0, deviation 1, float32.

    Its spectrum falls with frequency to the power of `smooth`, as those of clouds and stains do.
    """
    rng = np.random.default_rng(20170413)
    fy, fx = np.fft.fftfreq(512)[:, None], np.fft.rfftfreq(512)[None]
    falloff = np.maximum(np.hypot(fy, fx), 1 / 512) ** smooth
    table = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((512, 512))) / falloff)
    return ((table - table.mean()) / table.std()).astype(np.float32).ravel()


def _look_up(smooth: float, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Noise at the whole parts of two coordinates; the table repeats every 512."""
    row, column = a.astype(np.int32) & 511, b.astype(np.int32) & 511
    return _noise(smooth).take((row << 9) | column)


def _hash(a: np.ndarray, b: np.ndarray, salt: np.ndarray) -> np.ndarray:
    """A random number in 0..1 for each cell (a, b); in integers, so equal on every machine."""
    mixed = a.astype(np.int64) * 73856093 ^ b.astype(np.int64) * 19349663
    mixed ^= salt.astype(np.int64) * 83492791
    mixed = (mixed ^ (mixed >> 13)) * 1274126177
    return ((mixed >> 8) & 0xFFFF).astype(np.float32) / 65536


@cache
def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Picture coordinates u, v of all pixel centres, row by row."""
    line = (np.arange(size, dtype=np.float32) + 0.5) / size
    return np.tile(line, size), np.repeat(line, size)


def develop(canvas: Canvas, size: int) -> np.ndarray:
    """Light the surfaces of a painted canvas; returns the photo (size, size, 3) uint8."""
    camera, light, work = canvas.camera, canvas.light, canvas.size
    u, v = _grid(work)
    number = np.asarray(canvas.numbers).ravel()
    table = np.array(canvas.surfaces, dtype=np.float32)
    _, kind, z, lit, sky, glow, top, bottom = np.ascontiguousarray(table[:, :8].T)
    slope = 1 / np.maximum(bottom - top, 1e-3)
    linear = (table[:, 8:14] / 255) ** 2.2

    step = np.clip((v - top.take(number)) * slope.take(number), 0, 1)[:, None]
    color = linear[:, :3].take(number, axis=0)
    color += (linear[:, 3:] - linear[:, :3]).take(number, axis=0) * step
    depth, lit, sky, glow = (column.take(number) for column in (z, lit, sky, glow))
    kinds = kind.astype(np.uint8).take(number)
    groups = {k: np.flatnonzero(kinds == k) for k in Kind}

    blur = ImageFilter.BoxBlur
    shadow = np.asarray(canvas.sun_shadow.filter(blur(work / 350))).ravel()
    contact = np.asarray(canvas.contact.filter(blur(work / 110))).ravel()
    on_ground = np.concatenate([groups[k] for k in GROUND])
    lit[on_ground] *= 1 - shadow[on_ground] * np.float32(1 / 255)
    sky[on_ground] *= 1 - contact[on_ground] * np.float32(0.72 / 255)

    across = (u - camera.vanish_u) / FOCAL_U  # x / z of every line of sight
    down = (v - camera.horizon) / FOCAL_V
    _texture_ground(canvas, groups, table, number, across, down, color, depth)
    _texture_upright(canvas, groups, table, number, across, down, color, depth, lit, glow)
    _texture_leaves(canvas, groups[Kind.LEAVES], across, down, color, depth)
    rest = groups[Kind.PLAIN]
    color[rest] *= 1 + 0.05 * _look_up(1.0, v[rest] * 700, u[rest] * 700)[:, None]

    color *= lit[:, None] * light.sun + sky[:, None] * light.ambient + glow[:, None]
    clear = np.exp(depth * (-1 / light.haze))[:, None]
    color = color * clear + light.skyline * (1 - clear)
    above = groups[Kind.SKY]
    color[above] = _sky(canvas, u[above], v[above])
    return _expose(canvas, color.reshape(work, work, 3), size)


def _texture_ground(canvas, groups, table, number, across, down, color, depth) -> None:
    camera = canvas.camera
    for kind in GROUND:
        at = groups[kind]
        if not at.size:
            continue
        height = camera.height - table[:, 18].take(number[at])
        z = height / np.maximum(down[at], 1e-3)
        x = across[at] * z - camera.bend * z * z
        depth[at] = z
        fade = 1 / (1 + z / 14)  # far grain is finer than a pixel
        stain = _look_up(1.8, z * 14 + 100, x * 30 + 300)
        grain = _look_up(0.7, z * 60, x * 80)
        if kind == Kind.ROAD:
            tracks = np.cos(x * 4.0 + 1.2)  # tyres polish the lanes
            gain = 1 + 0.07 * stain + 0.14 * grain * fade + 0.03 * tracks
        elif kind == Kind.PAVING:
            joints = np.minimum((x * 2) % 1, (z * 2) % 1) < 0.07
            tile = _hash(np.floor(x * 2), np.floor(z * 2), np.array(1))
            gain = 1 + 0.07 * stain + (0.12 * grain + 0.25 * (tile - 0.5) - 0.3 * joints) * fade
        elif kind == Kind.GRASS:
            gain = 1 + 0.16 * stain + 0.4 * grain * fade
        else:
            gain = 0.92 + 0.1 * stain + 0.15 * grain * fade
        color[at] *= np.maximum(gain, 0.3)[:, None]


def _texture_upright(canvas, groups, table, number, across, down, color, depth, lit, glow) -> None:
    """Walls, fences, and facades with their windows."""
    camera, light = canvas.camera, canvas.light
    facades = np.array(canvas.facades, dtype=np.float32)
    at = np.concatenate([groups[k] for k in UPRIGHT])
    if not at.size:
        return
    x0, z0, x1, z1 = table[:, 14:18].take(number[at], axis=0).T
    ray = across[at]
    gap = (x1 - x0) - ray * (z1 - z0)
    share = np.clip((ray * z0 - x0) / np.where(np.abs(gap) < 1e-4, 1e-4, gap), -1, 2)
    z = np.maximum(z0 + share * (z1 - z0), NEAR)
    y = camera.height - down[at] * z
    along = share * np.hypot(x1 - x0, z1 - z0)
    depth[at] = z
    pattern = facades.take(table[:, 19].astype(np.int32).take(number[at]), axis=0).T
    fade = 1 / (1 + z / 40)
    stain = _look_up(1.6, y * 25 + pattern[8], along * 25)
    grain = _look_up(0.8, y * 60, along * 60)
    gain = 1 + 0.07 * stain + 0.1 * grain * fade

    barred = table[:, 1].take(number[at]) == Kind.BARS
    gain = np.where(barred & ((along * 5) % 1 > 0.45) & (y > 0.12), 0.35 + 0.65 * (1 - fade), gain)

    bay, storey, wide, tall, base, eaves, length = pattern[:7]
    shops, salt, frame, lamps, ledge, mirror, balcony = pattern[7:]
    count = np.maximum(np.floor(length / bay), 1)
    column = along * count / length
    floor = np.where(y < base, -1, np.floor((y - base) / storey))
    cell_x = np.abs(column % 1 - 0.5)
    rise = np.where(y < base, y / base, ((y - base) / storey) % 1)
    level = floor < 0
    shop = level & (shops > 0.5)
    wide = np.where(shop & (wide > 0), 0.84, wide)
    tall = np.where(shop, 0.62, tall)
    luck = _hash(np.floor(column), floor, salt)
    door = level & (luck < 0.22) & (wide > 0)
    cell_y = np.abs(rise - np.where(door, 0.3, 0.5)) - np.where(door, 0.12, 0)
    inside = (wide > 0) & (y < eaves)
    half_w, half_h = wide / 2, tall / 2
    window = inside & (cell_x < half_w) & (cell_y < half_h)
    rim = inside & (cell_x < half_w + 0.045) & (cell_y < half_h + 0.035) & ~window
    mullion = window & ((cell_x < 0.018) | (np.abs(rise - 0.62) < 0.015)) & ~shop
    gain = np.where(rim | mullion, frame * (1 + 0.05 * stain), gain)
    below = 0.5 - half_h - rise  # how far under the window, in storeys
    sill = inside & (cell_x < half_w + 0.06) & (below > 0.02) & (below < 0.09)
    gain = np.where(sill & ~level, 0.68, gain)
    gain = np.where((rise > 0.965) & (wide > 0) & (y < eaves + 0.2), 1 + 0.22 * ledge, gain)
    railing = inside & (balcony > 0.5) & ~level & (np.abs(rise - 0.17) < 0.13)
    railing &= np.floor(column) % 3 == 1
    gain = np.where(railing, 0.55, gain)
    gain *= np.clip(0.72 + y * 0.2, 0.72, 1)  # splashes darken the foot of a wall
    tone = color[at] * gain[:, None]

    pane = window & ~mullion & ~railing
    curtain = (luck > 0.55) & (rise > 0.5 + (luck - 0.8) * tall) & ~level
    bright = 0.025 + 0.05 * luck + 0.22 * mirror * np.clip(rise + 0.12 * stain, 0, 1)
    bright = np.where(curtain, 0.3, bright)
    glass = bright[:, None] * float32([0.9, 1.0, 1.08])
    wood = door & (cell_y < half_h) & (shops < 0.5)
    glass = np.where(wood[:, None], tone * 0.35, glass)
    color[at] = np.where(pane[:, None], glass, tone)
    on = _hash(floor, np.floor(column), salt + 5) < np.where(shop, lamps * 2, lamps)
    on &= pane & ~wood
    color[at[on]] = float32([0.75, 0.5, 0.24]) * (0.6 + 0.6 * luck[on, None])
    glow[at[on]] = 0.9
    # The houses across the street shade the lower floors when the sun is low.
    shade_top = 10 - 14 / max(abs(light.shadow[0]), 0.2)
    shade_top += 1.5 * np.sin(z * 0.21)
    lit[at] *= np.clip((y - shade_top) * 2 + 0.5, 0, 1)


def _texture_leaves(canvas, at, across, down, color, depth) -> None:
    z = depth[at]
    x, y = across[at] * z, -down[at] * z
    fade = 1 / (1 + z / 50)
    clump = _look_up(1.0, y * 30 + z * 7, x * 30 + z * 13)
    leaf = _look_up(0.6, y * 45, x * 45)
    gain = np.clip(1 + 0.42 * clump + 0.55 * leaf * fade, 0.12, 2.8)
    # Leaves in the light are yellower than those in the shade of others.
    color[at] *= gain[:, None] ** float32([1.1, 1.0, 0.85])


def _sky(canvas: Canvas, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Colour of the sky (N, 3): a gradient, and clouds on a ceiling seen in perspective."""
    light, look = canvas.light, canvas.look
    height = np.clip((canvas.camera.horizon - v) / FOCAL_V, 0.004, 1)
    mix = np.clip(height * 6, 0, 1)[:, None] ** 0.6
    sky = light.skyline * (1 - mix) + light.zenith * mix
    ceiling = 1 / (height + 0.06)
    a, b = ceiling * 30 + look.between(0, 512), (u - 0.5) * ceiling * 26 + look.between(0, 512)
    cover = _look_up(1.7, a, b) + _look_up(1.3, a * 3, b * 3) * 0.3
    dense = np.clip((cover + 3 * light.clouds - 1.6) * 0.8, 0, 1)[:, None]
    white = (light.sun * 0.45 + light.ambient * 0.75) * (1 - 0.12 * cover[:, None] * dense)
    return sky * (1 - dense) + white * dense


def _expose(canvas: Canvas, color: np.ndarray, size: int) -> np.ndarray:
    """Average over the pixels of the sensor, then exposure, tone curve, vignette and noise."""
    light, fine = canvas.light, canvas.size // size
    photo = color[::fine, ::fine].copy()
    for row in range(fine):
        for column in range(fine):
            if row or column:
                photo += color[row::fine, column::fine]
    photo *= 1 / fine**2
    # A camera's automatic exposure meters the mean, but does not fully compensate for it.
    photo *= light.white * (light.exposure * 0.24 * (photo.mean() / 0.3) ** 0.2 / photo.mean())
    line = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    photo *= (1 - 0.13 * (line[:, None] ** 2 + line[None] ** 2))[..., None]
    photo = (1 - np.exp(-1.2 * photo)) ** np.float32(1 / 2.2)
    photo += 0.35 * (photo * photo * (3 - 2 * photo) - photo)  # the S-curve of a camera
    rng = np.random.default_rng(int(canvas.look.roll() * 2**31) + size)
    # Averaging pixels averages their noise: half the picture size, half the grain.
    grain = rng.standard_normal(photo.shape, dtype=np.float32)
    photo += grain * np.float32(0.012 * min(1.0, size / 256))
    return (np.clip(photo, 0, 1) * 255 + 0.5).astype(np.uint8)
