uniform vec3 zenith;
uniform vec3 horizon;
uniform vec3 sun_direction;
uniform vec3 sun_colour;

vec3 sky_gradient(vec3 d) {
    float up = clamp(d.z, 0.0, 1.0);
    float glow = pow(clamp(dot(d, sun_direction), 0.0, 1.0), 24.0);
    return mix(horizon, zenith, 1.0 - pow(1.0 - up, 3.0)) + sun_colour * 0.12 * glow;
}
