in float v_z;
out vec4 out_colour;

uniform vec3 eye;
uniform float pixel;            // metres across a pixel at one metre
uniform vec3 above;
uniform vec3 below;
uniform vec3 haze;
uniform float density;
uniform float snow;             // cover of what looks up, 0 to 1
uniform vec4 key_position;      // w = 0: direction to the sun; w = 1: position of a lamp
uniform vec3 key_colour;
uniform mat4 shadow_from_world;
uniform sampler2DShadow shadow;
uniform float shadow_texel;     // metres (sun) or a fraction of the distance (lamp)
uniform sampler2D occlusion;
uniform vec2 occlusion_scale;
uniform float occlusion_below;
uniform vec4 lamp_position[3];  // w = reach
uniform vec3 lamp_colour[3];

// Height to normal without texture coordinates (Mikkelsen, Journal of Graphics Tools 15(1), 2010).
vec3 bumped(vec3 n, float h) {
    vec3 sx = dFdx(v_world), sy = dFdy(v_world);
    vec3 r1 = cross(sy, n), r2 = cross(n, sx);
    float det = dot(sx, r1);
    vec3 g = sign(det) * (dFdx(h) * r1 + dFdy(h) * r2);
    return normalize(abs(det) * n - g + n * 1e-12);
}

float lit(vec3 n, vec3 to_key, float away) {
    float texel = key_position.w > 0.5 ? shadow_texel * away : shadow_texel;
    vec3 p = v_world + n * texel * 1.6 + to_key * texel * 1.2;
    vec4 s = shadow_from_world * vec4(p, 1.0);
    vec3 c = s.xyz / s.w * 0.5 + 0.5;
    if (any(greaterThan(abs(c - 0.5), vec3(0.499)))) return key_position.w > 0.5 ? 0.6 : 1.0;
    float t = 1.0 / float(textureSize(shadow, 0).x);
    return 0.25 * (texture(shadow, c + vec3(-0.9, -0.3, 0.0) * t) + texture(shadow, c + vec3(0.3, -0.9, 0.0) * t)
                 + texture(shadow, c + vec3(0.9, 0.3, 0.0) * t) + texture(shadow, c + vec3(-0.3, 0.9, 0.0) * t));
}

void main() {
    vec3 view = eye - v_world;
    float distance_ = length(view);
    view /= distance_;
    vec3 n = normalize(v_normal);
    float facing = dot(n, view);
    n = facing < 0.0 ? -n : n;
    float px = v_z * pixel * inversesqrt(max(abs(facing), 0.06));
    Surface s = surface(px);
#if MATERIAL != WATER && MATERIAL != GLASS && MATERIAL != GLOW
    if (snow > 0.0) {
        float drift = 0.35 * fbm3(v_world, 2.0, px) + 0.2 * grain(v_world, 25.0, px);
        float lies = smoothstep(1.05 - 0.75 * snow, 1.2 - 0.6 * snow, n.z + drift);
        s.albedo = mix(s.albedo, vec3(0.82, 0.85, 0.9) * (1.0 + 0.1 * drift), lies);
        s.gloss *= 1.0 - lies;
    }
#endif
    n = s.height == 0.0 ? n : bumped(n, s.height);

    vec3 to_key = key_position.w > 0.5 ? key_position.xyz - v_world : key_position.xyz;
    float away = key_position.w > 0.5 ? length(to_key) : 1.0;
    to_key /= away;
    float fall = key_position.w > 0.5 ? 1.0 / (0.3 + away * away * 0.25) : 1.0;
    float cosine = dot(n, to_key);
    float shadowed = lit(n, to_key, away) * fall;
    float diffuse = max(cosine, 0.0) + s.through * max(-cosine, 0.0);
    float occluded = texture(occlusion, (gl_FragCoord.xy + vec2(0.0, occlusion_below)) * occlusion_scale).r;
    vec3 light = mix(below, above, n.z * 0.5 + 0.5) * occluded + key_colour * diffuse * shadowed;
    for (int i = 0; i < 3; ++i) {
        vec3 l = lamp_position[i].xyz - v_world;
        float d2 = dot(l, l) / (lamp_position[i].w * lamp_position[i].w);
        float c = dot(n, l) * inversesqrt(dot(l, l) + 1e-4);
        light += lamp_colour[i] * max(c * 0.8 + 0.2, 0.0) / (0.15 + d2) * mix(occluded, 1.0, 0.4);
    }
    vec3 colour = s.albedo * light + s.glow;
#ifdef GLOSSY
    vec3 h = normalize(to_key + view);
    float fresnel = 0.04 + 0.96 * pow(1.0 - clamp(dot(n, view), 0.0, 1.0), 5.0);
    float power = exp2(2.0 + 8.0 * s.gloss);
    vec3 mirror = sky_gradient(reflect(-view, n)) * (reflect(-view, n).z > -0.1 ? 1.0 : 0.35);
    vec3 tint = mix(vec3(1.0), s.albedo, s.metal);
    colour += key_colour * tint * shadowed * pow(max(dot(n, h), 0.0), power) * (power + 2.0) * 0.02 * s.gloss;
    colour += tint * mirror * MIRROR * s.gloss * mix(fresnel, 0.8, s.metal) * occluded;
#endif
    float clear = exp(-distance_ * density);
    out_colour = vec4(mix(haze, colour, clear), 1.0);
}
