#!/usr/bin/env python3
"""Makes tests/images/: small images of every kind that is read, and what Pillow makes of them.

  scripts/make_image_goldens.py            needs Pillow 12.1 and NumPy
  scripts/make_image_goldens.py --check    compares the committed files with the Pillow that is installed

`<kind>.<ending>` are the images, drawn here.  `pixels.npz` has `convert("RGB")` of each, `resized.npz`
some of them resized, `tensors.npz` inputs of networks.

Written with Pillow 12.1.0 (libjpeg-turbo 3.1.3).  --check says of the others that it was run with:

  13.0.0, 9.5.0   all equal.  Not so for larger images resized with 13.0.0, which takes rows before
                  columns for some shapes: 4 % of the values, by up to 11 levels.
  8.4.0, 6.2.2    all equal but JPEG: their wheels carry libjpeg 9 of the IJG, which smooths subsampled
                  colours in another way (up to 48 levels here, 101 in larger images) and is 1 level
                  off in .03 % of the rest.  `plain.ppm` is a kind that they do not know.
"""

import argparse
import io
import os
import struct
import sys
import warnings
import zlib

import numpy as np
import PIL
from PIL import Image

WIDTH, HEIGHT = 61, 43
# Width and height
SIZES = [(32, 24), (17, 43), (61, 20), (100, 90), (45, 130), (5, 3)]
FILTERS = {'bicubic': Image.BICUBIC, 'bilinear': Image.BILINEAR}
RESIZED = ['rgb.png', 'noise.png', 'edges.png']
INPUT = (20, 24)  # height, width
PRESETS = {
    'pytorch': ('rgb', 255, [.485, .456, .406], [.229, .224, .225]),
    'caffe': ('bgr', 1, [104, 117, 123], [1, 1, 1]),
    'tensorflow': ('rgb', 127.5, [1, 1, 1], [1, 1, 1]),
}
HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, '..', 'tests', 'images')


def photo():
    """Shades, a disc, stripes and some noise: something of everything that photos have."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    red = 255 * x / WIDTH
    green = 128 + 100 * np.sin(x / 5) * np.cos(y / 7)
    blue = 255 * y / HEIGHT
    image = np.stack([red, green, blue], -1)
    image[(x - 40) ** 2 + (y - 15) ** 2 < 90] = [250, 30, 40]
    image[30:38:2, 5:50] = [10, 240, 200]
    image += np.random.RandomState(0).normal(0, 3, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def noise():
    return np.random.RandomState(1).randint(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def edges():
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, ::7] = 255
    image[::5] = [255, 0, 255]
    image[20:25, 20:40] = [0, 255, 1]
    return image


def png(array, colour, bits, palette=None, transparency=None, interlaced=False):
    """A PNG of samples (height, width, channels): the kinds that Pillow does not write."""
    array = np.asarray(array)
    if array.ndim == 2:
        array = array[..., None]
    height, width = array.shape[:2]

    def rows(part):
        data = b''
        for row in part:
            if bits == 16:
                packed = row.astype('>u2').tobytes()
            elif bits == 8:
                packed = row.astype(np.uint8).tobytes()
            else:
                flat = row.reshape(-1).astype(np.uint8)
                spread = (flat[:, None] >> np.arange(bits)[::-1]) & 1
                packed = np.packbits(spread.reshape(-1).astype(np.uint8)).tobytes()
            data += b'\0' + packed
        return data

    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
                  (0, 1, 1, 2)]
        data = b''.join(rows(array[y::dy, x::dx]) for x, y, dx, dy in passes if array[y::dy, x::dx].size)
    else:
        data = rows(array)

    def chunk(name, body):
        return struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))

    chunks = [chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, bits, colour, 0, 0, int(interlaced)))]
    if palette is not None:
        chunks.append(chunk(b'PLTE', np.asarray(palette, np.uint8).tobytes()))
    if transparency is not None:
        chunks.append(chunk(b'tRNS', transparency))
    chunks += [chunk(b'IDAT', zlib.compress(data, 9)), chunk(b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(chunks)


def tiff(rows, width, height, bits, meaning, order='<', palette=None):
    """An uncompressed TIFF of packed rows: the kinds that Pillow does not write."""
    channels = len(bits)
    entries = [(256, 4, [width]), (257, 4, [height]), (258, 3, bits), (259, 3, [1]), (262, 3, [meaning]),
               (273, 4, [8]), (277, 3, [channels]), (278, 4, [height]), (279, 4, [len(rows)])]
    if palette is not None:
        entries.append((320, 3, list(palette)))
    rows += b'\0' * (len(rows) % 2)
    start = 8 + len(rows)
    extra_at = start + 2 + 12 * len(entries) + 4
    directory, extra = struct.pack(order + 'H', len(entries)), b''
    for tag, kind, values in entries:
        body = struct.pack(order + str(len(values)) + {3: 'H', 4: 'I'}[kind], *values)
        if len(body) > 4:
            directory += struct.pack(order + 'HHII', tag, kind, len(values), extra_at + len(extra))
            extra += body
        else:
            directory += struct.pack(order + 'HHI', tag, kind, len(values)) + body.ljust(4, b'\0')
    head = {'<': b'II', '>': b'MM'}[order] + struct.pack(order + 'HI', 42, start)
    return head + rows + directory + b'\0\0\0\0' + extra


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def jpegs(image):
    files = {name: saved(image, 'JPEG', quality=85, subsampling=which)
             for name, which in [('444', 0), ('422', 1), ('420', 2)]}
    files['420_odd'] = saved(image.crop((3, 2, 36, 19)), 'JPEG', quality=60, subsampling=2)
    files['420_tiny'] = saved(image.crop((38, 12, 39, 13)), 'JPEG', subsampling=2)
    files['progressive'] = saved(image, 'JPEG', progressive=True, quality=80)
    files['optimised'] = saved(image, 'JPEG', optimize=True, quality=95)
    files['restart'] = saved(image, 'JPEG', restart_marker_blocks=3, subsampling=2)
    files['rgb'] = saved(image, 'JPEG', keep_rgb=True)
    files['grey'] = saved(image.convert('L'), 'JPEG')
    files['grey_progressive'] = saved(image.convert('L'), 'JPEG', progressive=True)
    files['cmyk'] = saved(image.convert('CMYK'), 'JPEG', quality=90)
    # Read as YCCK, the same numbers are another picture.
    adobe = files['cmyk'].index(b'Adobe')
    ycck = bytearray(files['cmyk'])
    ycck[adobe + 11] = 2
    files['ycck'] = bytes(ycck)
    exif = Image.Exif()
    exif[274] = 6
    files['orientation'] = saved(image, 'JPEG', exif=exif)
    plain = files['420']
    files['extraneous'] = plain[:-2] + b'abc' + plain[-2:] + b'trailing bytes'
    return {'%s.jpg' % name: file for name, file in files.items()}


def pngs(image):
    pixels = np.asarray(image)
    grey = np.asarray(image.convert('L'))
    palette_image = image.quantize(64)
    indices = np.asarray(palette_image)
    palette = np.array(palette_image.getpalette()[:192]).reshape(64, 3)
    alpha = (np.add.outer(np.arange(HEIGHT), np.arange(WIDTH)) * 2).astype(np.uint8)
    wide = pixels[:20, 20:50].astype(np.uint16) * 200 + 77
    files = {
        'rgb': png(pixels, 2, 8), 'noise': png(noise(), 2, 8), 'edges': png(edges(), 2, 8),
        'rgb_interlaced': png(pixels, 2, 8, interlaced=True),
        'rgb_key': png(pixels, 2, 8, transparency=struct.pack('>3H', *pixels[0, 0])),
        'rgb16': png(wide, 2, 16),
        'rgba': png(np.dstack([pixels, alpha]), 6, 8),
        'rgba16': png(np.dstack([wide, alpha[:20, :30].astype(np.uint16) * 257]), 6, 16),
        'rgba_opaque': png(np.dstack([pixels, np.full_like(alpha, 255)]), 6, 8),
        'grey': png(grey, 0, 8), 'grey_key': png(grey, 0, 8, transparency=struct.pack('>H', grey[3, 3])),
        'grey_alpha': png(np.dstack([grey, alpha]), 4, 8),
        'grey_alpha16': png(np.dstack([grey.astype(np.uint16) * 250 + 9, alpha.astype(np.uint16)]), 4, 16),
        'grey16': png(grey.astype(np.uint16) * 5, 0, 16),
        'grey16_key': png(grey.astype(np.uint16) * 2, 0, 16, transparency=struct.pack('>H', grey[3, 3] * 2)),
        'grey1': png(grey > 128, 0, 1), 'grey2': png(grey >> 6, 0, 2),
        'grey4_interlaced': png(grey >> 4, 0, 4, interlaced=True),
        'palette': png(indices, 3, 8, palette), 'palette4': png(indices % 16, 3, 4, palette[:16]),
        'palette1': png(indices % 2, 3, 1, palette[:2]),
        'palette_alpha': png(indices, 3, 8, palette, bytes(range(0, 256, 6))),
        'palette_key': png(indices, 3, 8, palette, b'\xff' * 5 + b'\0'),
    }
    return {'%s.png' % name: file for name, file in files.items()}


def tiffs(image):
    pixels = np.asarray(image)
    grey = image.convert('L')
    palette_image = image.quantize(64)
    palette16 = np.array(palette_image.getpalette()[:48]).reshape(16, 3).T.reshape(-1) * 257
    indices = np.asarray(palette_image) % 16
    indices = np.pad(indices, ((0, 0), (0, 1)))
    nibbles = (indices[:, ::2] << 4 | indices[:, 1::2]).astype(np.uint8)
    alpha = Image.fromarray(np.tile(np.arange(WIDTH, dtype=np.uint8) * 4, (HEIGHT, 1)))
    rgba = image.copy()
    rgba.putalpha(alpha)
    grey_alpha = grey.copy()
    grey_alpha.putalpha(alpha)
    grey16 = Image.fromarray(np.asarray(grey).astype(np.uint16) * 3)
    wide = pixels[:20, 20:50].astype(np.uint16) * 200 + 77
    small = image.crop((30, 5, 50, 15))
    bits1 = np.packbits(np.asarray(grey) > 128, axis=1)
    files = {
        'rgb': saved(image, 'TIFF'), 'rgb_lzw': saved(image, 'TIFF', compression='tiff_lzw'),
        'rgb_deflate': saved(image, 'TIFF', compression='tiff_adobe_deflate'),
        'rgb_packbits': saved(image, 'TIFF', compression='packbits'),
        'grey': saved(grey, 'TIFF'), 'cmyk': saved(image.convert('CMYK'), 'TIFF'),
        'palette': saved(palette_image, 'TIFF'), 'palette_lzw': saved(palette_image, 'TIFF', compression='tiff_lzw'),
        'palette4': tiff(nibbles.tobytes(), WIDTH, HEIGHT, [4], 3, palette=palette16),
        'rgba': saved(rgba, 'TIFF'), 'grey_alpha': saved(grey_alpha, 'TIFF'),
        'grey16': saved(grey16, 'TIFF'), 'bits1': saved(image.convert('1'), 'TIFF'),
        'bits1_fax': saved(image.convert('1'), 'TIFF', compression='group4'),
        'white_is_zero': tiff(np.asarray(grey).tobytes(), WIDTH, HEIGHT, [8], 0),
        'white_is_zero1': tiff(bits1.tobytes(), WIDTH, HEIGHT, [1], 0),
        'rgb16': tiff(wide.astype('<u2').tobytes(), 30, 20, [16] * 3, 2),
        'rgb16_big': tiff(wide.astype('>u2').tobytes(), 30, 20, [16] * 3, 2, '>'),
        'frames': saved(small, 'TIFF', save_all=True, append_images=[small.convert('L')]),
    }
    for orientation in range(2, 9):
        files['orientation%d' % orientation] = saved(small, 'TIFF', tiffinfo={274: orientation})
    return {'%s.tif' % name: file for name, file in files.items()}


def others(image):
    grey = image.convert('L')
    rgba = image.copy()
    rgba.putalpha(Image.fromarray(np.tile(np.arange(WIDTH, dtype=np.uint8) * 4, (HEIGHT, 1))))
    palette = image.quantize(64)
    small = image.resize((9, 7))
    text = 'P3\n# plain\n9 7\n255\n' + '\n'.join(' '.join(map(str, row.reshape(-1))) for row in np.asarray(small)) + '\n'
    # A canvas larger than the frame
    offset = bytearray(saved(palette.crop((0, 0, 20, 10)), 'GIF'))
    offset[6:10] = struct.pack('<HH', 26, 17)
    frame = offset.index(b'\x2c\0\0\0\0')
    offset[frame + 1:frame + 5] = struct.pack('<HH', 4, 3)
    with_hole = palette.copy()
    with_hole.info['transparency'] = 3
    return {
        'lossless.webp': saved(image, 'WEBP', lossless=True),
        'lossless_alpha.webp': saved(rgba, 'WEBP', lossless=True, exact=True),
        'lossy.webp': saved(image, 'WEBP', quality=80), 'lossy_low.webp': saved(image, 'WEBP', quality=10),
        'lossy_odd.webp': saved(image.crop((1, 1, 32, 30)), 'WEBP', quality=90),
        'lossy_alpha.webp': saved(rgba, 'WEBP', quality=80),
        'frames.webp': saved(image, 'WEBP', save_all=True, append_images=[image.rotate(90)], lossless=True),
        'palette.gif': saved(palette, 'GIF'), 'palette_key.gif': saved(with_hole, 'GIF', transparency=3),
        'offset.gif': bytes(offset), 'interlaced.gif': saved(palette, 'GIF', interlace=1), 'grey.gif': saved(grey, 'GIF'),
        'frames.gif': saved(palette, 'GIF', save_all=True, append_images=[palette.rotate(90)], loop=0),
        'rgb.bmp': saved(image, 'BMP'), 'palette.bmp': saved(palette, 'BMP'), 'grey.bmp': saved(grey, 'BMP'),
        'bits1.bmp': saved(image.convert('1'), 'BMP'), 'rgba.bmp': saved(rgba, 'BMP'),
        'rgb.ppm': saved(image, 'PPM'), 'grey.pgm': saved(grey, 'PPM'), 'bits1.pbm': saved(image.convert('1'), 'PPM'),
        'plain.ppm': text.encode(),
    }


def pixels_of(path):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # transparency of palettes
        return np.asarray(Image.open(path).convert('RGB'))


def resized_of(pixels):
    image = Image.fromarray(pixels)
    return {'%s/%dx%d' % (name, width, height): np.asarray(image.resize((width, height), which))
            for name, which in FILTERS.items() for width, height in SIZES}


def tensor(image, channels, scale, mean, sd):
    """In single precision at every step, as torchvision's ToTensor and Normalize."""
    values = np.asarray(image).astype(np.float32) / np.float32(scale)
    if channels == 'bgr':
        values = values[..., ::-1]
    values = (values - np.array(mean, np.float32)) / np.array(sd, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def half_even(number):
    return int(np.round(number))


def cropped(image, side, filter):
    """torchvision's Resize(side) and CenterCrop on PIL images, for images that are large enough."""
    width, height = image.size
    short, long = min(width, height), max(width, height)
    other = int(side * long / short)
    image = image.resize((side, other) if width <= height else (other, side), filter)
    left, top = (half_even((old - new) / 2) for old, new in zip(image.size, INPUT[::-1]))
    return image.crop((left, top, left + INPUT[1], top + INPUT[0]))


def placed(image, model, degrees):
    """Brain-Score's ImageConverter."""
    ratio = model / degrees
    new = (ratio * np.array(image.size)).round().astype(int)
    if ratio >= 1:
        screen = Image.new('RGB', tuple(int(side) for side in new), 'gray')
        corner = ((new - image.size) / 2).round().astype(int)
        screen.paste(image, tuple(int(side) for side in corner))
        return screen
    left, top = (int(side) for side in ((image.size - new) / 2).round().astype(int))
    return image.crop((left, top, left + int(new[0]), top + int(new[1])))


def tensors_of(pixels):
    image = Image.fromarray(pixels)
    straight = image.resize(INPUT[::-1], Image.BICUBIC)
    found = {name: tensor(straight, *values) for name, values in PRESETS.items()}
    found['shorter_side_26'] = tensor(cropped(image, 26, Image.BILINEAR), *PRESETS['pytorch'])
    for model, degrees in [(8, 5), (3, 8), (8, 8)]:
        screen = placed(image, model, degrees).resize(INPUT[::-1], Image.BILINEAR)
        found['degrees_%d_%d' % (model, degrees)] = tensor(screen, *PRESETS['pytorch'])
    return found


def goldens():
    names = sorted(name for name in os.listdir(OUT) if not name.endswith(('.npz', '.md')))
    pixels = {}
    for name in names:
        try:
            pixels[name] = pixels_of(os.path.join(OUT, name))
        except (OSError, SyntaxError) as error:
            print('%s: %s' % (name, error))
    drawn = {'rgb.png': photo(), 'noise.png': noise(), 'edges.png': edges()}
    resized = {'%s/%s' % (name, key): value for name in RESIZED for key, value in resized_of(drawn[name]).items()}
    return {'pixels': pixels, 'resized': resized, 'tensors': tensors_of(drawn['rgb.png'])}


def check():
    bad = 0
    for part, found in goldens().items():
        expected = np.load(os.path.join(OUT, part + '.npz'))
        for name in expected.files:
            # Some kinds are new in Pillow: said, not counted
            if name not in found:
                print('%s: %s: missing' % (part, name))
                continue
            ours, theirs = expected[name].astype(float), found[name].astype(float)
            if ours.shape != theirs.shape:
                print('%s: %s: %s, expected %s' % (part, name, theirs.shape, ours.shape))
                bad += 1
            elif (ours != theirs).any():
                off = abs(ours - theirs)
                print('%s: %s: up to %g, %.2f %% differ' % (part, name, off.max(), 100 * (off > 0).mean()))
                bad += 1
    print('Pillow %s: %s' % (PIL.__version__, '%d differ' % bad if bad else 'all equal'))
    return bad > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true')
    if parser.parse_args().check:
        return check()
    os.makedirs(OUT, exist_ok=True)
    image = Image.fromarray(photo())
    for make in jpegs, pngs, tiffs, others:
        for name, file in make(image).items():
            with open(os.path.join(OUT, name), 'wb') as out:
                out.write(file)
    for part, arrays in goldens().items():
        np.savez_compressed(os.path.join(OUT, part + '.npz'), **arrays)
    return 0


if __name__ == '__main__':
    sys.exit(main())
