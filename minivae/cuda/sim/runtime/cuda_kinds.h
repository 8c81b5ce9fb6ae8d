// What a type is, in a letter; without <type_traits>, which would bring std:: along.
#pragma once

template <class T> constexpr char __sim_kind = 's';  // a struct, or a vector such as float4
template <> constexpr char __sim_kind<bool> = 'b';
template <> constexpr char __sim_kind<float> = 'f';
template <> constexpr char __sim_kind<double> = 'f';
template <> constexpr char __sim_kind<char> = 'i';
template <> constexpr char __sim_kind<signed char> = 'i';
template <> constexpr char __sim_kind<short> = 'i';
template <> constexpr char __sim_kind<int> = 'i';
template <> constexpr char __sim_kind<long> = 'i';
template <> constexpr char __sim_kind<long long> = 'i';
template <> constexpr char __sim_kind<unsigned char> = 'u';
template <> constexpr char __sim_kind<unsigned short> = 'u';
template <> constexpr char __sim_kind<unsigned> = 'u';
template <> constexpr char __sim_kind<unsigned long> = 'u';
template <> constexpr char __sim_kind<unsigned long long> = 'u';
