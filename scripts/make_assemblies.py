#!/usr/bin/env python3
"""Makes the netCDF files of tests/assembly, as BrainIO's assemblies are saved by xarray.

  scripts/make_assemblies.py [FOLDER]

Needs netCDF4, xarray, h5netcdf and h5py (made with 1.7.5, 2026.9, 1.8.2 and 3.16). The value of presentation p,
site s and bin b is 100 p + 10 s + b; one is NaN.
"""

import os
import sys

import h5py
import numpy as np
import xarray as xr


def assembly():
    p, s, b = np.ogrid[:6, :4, :2]
    values = (100 * p + 10 * s + b).astype('f4')
    values[5, 3, 1] = np.nan
    return xr.DataArray(values, dims=('presentation', 'neuroid', 'time_bin'), coords={
        'stimulus_id': ('presentation', ['im%d' % (i // 2) for i in range(6)]),
        'repetition': ('presentation', np.arange(6) % 2),
        'object_name': ('presentation', ['a'] * 4 + ['café'] * 2),
        'neuroid_id': ('neuroid', ['n%d' % i for i in range(4)]),
        'region': ('neuroid', ['V4', 'V4', 'IT', 'IT']),
        'x': ('neuroid', np.arange(4) / 2),
        'time_bin_start': ('time_bin', [70, 170]),
        'time_bin_end': ('time_bin', [170, 270]),
    }, name='data')


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, '..', 'tests', 'assembly')
    os.makedirs(folder, exist_ok=True)
    path = lambda name: os.path.join(folder, name)      # noqa: E731
    data = assembly()
    data.transpose('neuroid', 'presentation', 'time_bin').to_dataset().to_netcdf(path('netcdf4.nc'), engine='netcdf4')
    data.to_dataset().to_netcdf(path('h5netcdf.nc'), engine='h5netcdf')
    compressed = {'data': {'zlib': True, 'chunksizes': (2, 2, 2)}, 'repetition': {'zlib': True}}
    data.to_dataset().to_netcdf(path('compressed.nc'), engine='netcdf4', encoding=compressed)
    # As older versions: dimensions that have entries of their own.
    indexed = data.assign_coords(presentation=np.arange(6), neuroid=['n%d' % i for i in range(4)])
    indexed.to_dataset().to_netcdf(path('indexed.nc'), engine='netcdf4')
    data.isel(time_bin=0, drop=True).to_dataset().to_netcdf(
        path('without_time.nc'), engine='netcdf4')
    data.drop_vars('stimulus_id').to_dataset().to_netcdf(path('no_stimuli.nc'), engine='netcdf4')
    data.rename(presentation='row', neuroid='column').to_dataset().to_netcdf(path('other.nc'), engine='netcdf4')
    # Texts as characters, as the classic model has them; missing values by number, and packed.
    data.to_dataset().to_netcdf(path('classic.nc'), engine='netcdf4', format='NETCDF4_CLASSIC')
    packed = {'data': {'dtype': 'i4', 'scale_factor': 0.5, 'add_offset': 3.0, '_FillValue': -7}}
    data.to_dataset().to_netcdf(path('packed.nc'), engine='netcdf4', encoding=packed)
    data.to_dataset().to_netcdf(path('unlimited.nc'), engine='netcdf4', unlimited_dims=['presentation'])
    large = 2**60 + np.arange(6)
    data.assign_coords(stimulus_id=('presentation', large)).to_dataset().to_netcdf(path('large_ids.nc'), engine='netcdf4')
    for name, array in (('older.nc', data), ('ambiguous.nc', data.isel(presentation=slice(4)))):
        array.to_dataset().to_netcdf(path(name), engine='netcdf4')
        with h5py.File(path(name), 'a') as file:
            for variable in file.values():
                variable.attrs.pop('_Netcdf4Coordinates', None)


if __name__ == '__main__':
    main()
